"""The web console at ``/ui``: static pages, a session for the browser, and what the pages ask for.

- ``sessions``  signing in with an admin key: a cookie no script can read, and a token no other site can guess
- ``nodes``     asking the data-plane nodes
- ``sampling``  what the nodes counted, kept for some hours so that there are curves to show
- ``roster``    consumers, teams, kill switches and budgets, read once per revision
- ``agents``, ``teams``, ``budgets``, ``targets``, ``prices``, ``fleet``  what single pages show, searched and paged
- ``objects``   objects of the configuration, searched and paged
- ``looking``   the addresses under ``/ui/api`` that tell
- ``handlers``  those that sign in and do; the Admin API itself is reached through them with the session's role
- ``files``     the static files and the headers that fence them in
"""
