"""The services as the command line and LlamaIndex see them: those of a process that runs, or of this one."""
