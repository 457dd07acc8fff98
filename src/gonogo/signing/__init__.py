"""Who decided what on a record: sign-offs, their signatures, and the proof that it was not changed.

ssh-keygen signs and verifies; no key is ever read here.
"""
