"""Documents fetched from addresses of the web that the service's settings allow, and from no others.

hosts       the list of hosts that may be asked
targets     an address, read once: what is checked is what is connected to
addresses   which IP addresses are public
network     connections to exactly the IP address that was checked
content     the body of a reply, within its limits
fetcher     all of it, redirect by redirect
"""

from qa_service.fetching.fetcher import Fetcher

__all__ = ["Fetcher"]
