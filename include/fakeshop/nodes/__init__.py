"""The object types of the API that the local shop can show."""
