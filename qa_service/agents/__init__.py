"""The documents for agents, by the Model Context Protocol: the tools, and the door to the `mcp` package."""
