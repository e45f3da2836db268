"""The process that serves: gunicorn with its workers, admission, start and end."""
