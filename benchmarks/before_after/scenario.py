"""What happens on the simulated day: tasks, agents, faults. Fixed by a seed, the same for both runs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from benchmarks.before_after.attacks import attacks

DAY_S = 86_400.0
HOUR_S = 3_600.0

EASY = (
    "Translate this sentence to French: {words}",
    "Classify this ticket as bug, question or praise: {words}",
    "Extract the order number from this mail: {words}",
    "Write a title of at most six words for: {words}",
    "Summarize in one line: {words}",
    "Fix the spelling: {words}",
    "Is this a complaint, yes or no: {words}",
    "Rename these columns to snake case: {words}",
    "Reply with a short greeting to: {words}",
    "Turn this into a bullet list: {words}",
)
HARD = (
    "Refactor this function and explain the trade-offs step by step:\n```python\ndef f(rows):\n    {words}\n```",
    "Debug this; workers deadlock under load, find the root cause:\nTraceback (most recent call last):\n  {words}",
    "Analyse the security of this design and list the vulnerabilities: {words}",
    "Design a migration plan from one schema to the other and compare two strategies: {words}",
    "Prove or disprove that this algorithm terminates and give its complexity: {words}",
    "Optimize this query and explain the plan:\nSELECT a FROM t WHERE {words}\n```sql\nEXPLAIN\n```",
    "Review this contract for legal risks and analyse each clause: {words}",
    "Architecture question: {words} Compare an event log with two-phase commit, step by step.",
    "Our nightly numbers are off by a factor nobody can account for. Work out how this can be: {words}",
)
"""The last one shows none of the signs the difficulty score looks for: some hard work always looks easy."""

_WORDS = ["order", "ship", "late", "refund", "cache", "shard", "index", "retry", "queue", "batch", "token", "user"]


@dataclass(frozen=True, slots=True)
class Task:
    """One call an agent makes. ``hard`` is the truth about it, which no router sees."""

    number: int
    agent: str
    at_s: float
    prompt: str
    output_tokens: int
    hard: bool = False
    kind: str = "work"
    """``work``, ``runaway`` or ``injection``."""

    @property
    def streamed(self) -> bool:
        """Every second call asks for a stream."""
        return self.number % 2 == 1


@dataclass(frozen=True, slots=True)
class Fault:
    """A provider misbehaves for a while."""

    provider: str
    mode: str
    """``down``: connections refused and 503 in turn. ``slow``: answers take ``factor`` times as long."""
    from_s: float
    to_s: float
    factor: float = 1.0


@dataclass(frozen=True)
class Scenario:
    """The day."""

    calls_per_agent: int = 10_000
    agents: tuple[str, ...] = ("support", "coder", "analyst", "writer", "scraper")
    rogue: str = "scraper"
    hard_share: float = 0.4
    outage: Fault = Fault("anthropic", "down", 9 * HOUR_S, 9 * HOUR_S + 45 * 60)
    slowness: Fault = Fault("anthropic", "slow", 13 * HOUR_S, 14 * HOUR_S, 12.0)
    rogue_from_s: float = 16 * HOUR_S
    rogue_for_s: float = 600.0
    runaway_per_s: float = 20.0
    injections: int = 50
    calls_a_minute: int = 60
    """What the gateway lets one agent ask."""
    seed: int = 5
    faults: tuple[Fault, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", (self.outage, self.slowness))

    @property
    def within_limit(self) -> int:
        """How many of its calls a runaway agent may make at most: its limit, in every minute it touches."""
        return self.calls_a_minute * (int(self.rogue_for_s // 60) + 1)

    def tasks(self) -> list[Task]:
        """All calls of the day in order of time."""
        luck = random.Random(self.seed)
        made: list[Task] = []
        for agent in self.agents:
            for _ in range(self.calls_per_agent):
                at_s = luck.uniform(0, DAY_S - 600)
                if agent == self.rogue and self._is_rogue(at_s):
                    continue  # then it does nothing but loop
                made.append(self._work(luck, len(made), agent, at_s))
        made += self._rogue_calls(luck, len(made))
        return sorted(made, key=lambda task: task.at_s)

    def _work(self, luck: random.Random, number: int, agent: str, at_s: float) -> Task:
        hard = luck.random() < self.hard_share
        template = luck.choice(HARD if hard else EASY)
        size = luck.randint(150, 500) if hard else luck.randint(30, 160)
        words = " ".join(luck.choice(_WORDS) for _ in range(size))
        tokens = luck.randint(250, 1200) if hard else luck.randint(40, 350)
        return Task(number, agent, at_s, template.format(words=words), tokens, hard)

    def _rogue_calls(self, luck: random.Random, number: int) -> list[Task]:
        calls = int(self.rogue_for_s * self.runaway_per_s)
        step = self.rogue_for_s / calls
        again = "Fetch the next page and summarize in one line: " + "page " * 60
        made = [
            Task(number + index, self.rogue, self.rogue_from_s + index * step, again, 120, kind="runaway")
            for index in range(calls)
        ]
        for index, text in enumerate(attacks(luck, self.injections)):
            at_s = self.rogue_from_s - HOUR_S + luck.uniform(0, HOUR_S)
            made.append(Task(number + calls + index, self.rogue, at_s, text, 200, kind="injection"))
        return made

    def _is_rogue(self, at_s: float) -> bool:
        return self.rogue_from_s <= at_s <= self.rogue_from_s + self.rogue_for_s
