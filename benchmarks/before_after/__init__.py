"""The published before/after table, reproduced: one simulated day of five agents, without the gateway and with it.

Time is simulated (``virtual_time``): a day takes as long as its work, and every wait, timeout and backoff has its true
length. The gateway is the real one, from matching to money; only the network is simulated (``world``). Both runs see
the same tasks at the same moments, the same outage, the same slow hours and the same rogue agent (``scenario``). Every
figure is computed from what happened (``figures``).
"""
