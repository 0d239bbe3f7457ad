"""The listener for SSH: an agent's `ssh AGENT@gateway CONNECTION NAMESPACE/POD COMMAND` is one exec through the proxy, as kubectl's is.

* listener    the socket, the options of the protocol, and all connections
* connection  one TCP connection: its authentication, its limits, and the refusal of whatever is no session
* inflow      the bytes that come on one, in slices
* who         the keys that callers are known by
* channel     one session channel, without the requests that nobody here heeds
* hostkey     the gateway's own key
* agent       the session of an agent
* command     the text of an agent's command, read as a request line of an exec
* request     one such exec, from its words to its end, as the proxy sees it
* pipe        the client's end of its stream: WebSocket frames on the side of the proxy, an SSH channel on the other
* person      the session of a person: the screens or one command, in a process of its own
* child       that process: its start, its terminal or pipes, its connections to the API, its end
* sieve       the escape sequences of its output that may reach the person's terminal

There is no shell here, no forwarding, no agent, no X11 and no subsystem. Each is refused with a sentence where SSH can carry one.
"""
