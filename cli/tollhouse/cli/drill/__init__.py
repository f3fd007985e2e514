"""A fire drill: simulated providers misbehave on a schedule while agents work through a real node.

- ``faults``  what can go wrong, and the schedule
- ``rig``     simulators and a node, started for the drill and gone after it
- ``load``    agents, and how each of their calls ended
- ``report``  availability, failover time, amplification, wasted money
"""
