"""What proves gonogo itself and is not shipped; it may import gonogo, which imports none of it."""
