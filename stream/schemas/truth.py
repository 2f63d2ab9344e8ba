"""What each field of the truth about a simulated stream means (`footfall simulate --truth`)."""

from __future__ import annotations

from stream.schemas.meanings import Meaning

_TIME = {"format": "date-time"}
_COUNT = {"minimum": 0}

TRUTH_FIELDS: dict[str, dict[str, Meaning]] = {
    "Truth": {
        "seed": Meaning("The seed of the run."),
        "start": Meaning("Its first instant.", _TIME),
        "end": Meaning("Its end; null for a run without one.", _TIME),
        "window_s": Meaning("The length of the windows that `moved` counts in, in seconds.", _COUNT),
        "weights": Meaning("The key events, with the weights that volume is counted with."),
        "options": Meaning("The product and its faults, by the option's name."),
        "bots": Meaning("The persons who are robots."),
        "plants": Meaning("What was planted, by time."),
    },
    "Planted": {
        "plant_id": Meaning("`<kind>@<start in ms since 1970>`, and `#2` ... where there are several."),
        "plant": Meaning("The plant as `--plant` takes it: plants the same again."),
        "kind": Meaning("What befell the product."),
        "start": Meaning("When it began.", _TIME),
        "end": Meaning("When it was over. A decline stays at the level then reached.", _TIME),
        "period": Meaning("Where it shows: in windows, or only from day to day."),
        "incident": Meaning("Whether an incident is expected, given enough traffic to see it in."),
        "direction": Meaning("Which way `measures` move; null where none should."),
        "measures": Meaning("What moves in `cause`, or in `total` without one; the clearest first."),
        "cause": Meaning("The series that should rank first; null where everything moves alike."),
        "moved": Meaning("What it moved, counted from `start` to `end`, of a decline on the last day."),
        "configuration": Meaning("Of a promotion, the `[[campaign]]` for footfall.toml; else null."),
    },
    "TrueMove": {
        "series": Meaning("The series, as Footfall names it."),
        "measure": Meaning("Volume, distinct people, their engaged share, or promoted volume."),
        "without": Meaning("The mean of a window without the plant; of `index` over all windows.", _COUNT),
        "with": Meaning("The same with the plant.", _COUNT),
        "change": Meaning("`with` / `without` - 1; null where `without` is 0."),
    },
}
