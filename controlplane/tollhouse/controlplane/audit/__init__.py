"""The audit trail of the fleet: what nodes decided and what admins changed, in chains nobody can edit unseen.

In reading order: ``schema`` (how a line is kept), ``lines`` (a line as a row), ``questions`` (what may be asked),
``trail`` (the database and its turn), ``checking`` (are the chains whole), ``admin_chain`` (changes and periodic seals
become lines).
"""
