"""What flows through the house, frozen and typed; imports only pydantic and errors."""
