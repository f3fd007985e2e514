"""A fire drill: simulated providers misbehave on a schedule while agents work through a real node.

- ``faults``  what can go wrong, and the schedule
- ``provider``  a simulator as a process that can be killed
- ``rig``     simulators and a node, started for the drill and gone after it
- ``load``    agents, and how each of their calls ended
- ``books``   what the gateway wrote down of the money
- ``report``  availability, failover time, amplification, wasted money
"""
