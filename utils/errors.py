"""What can go wrong and what the reader can do about it.

UserError           the message names the thing and says what to type; scripts print it and exit with code 2
├── UnknownName     a table, method, model, wording or adapter that does not exist; the message lists what does
├── Unobtainable    a known data set that is neither here nor to be had from its server; a study goes on without it
├── BadTable        data that no learner could use: no target, no rows, one class, infinite targets
├── BadModel        a model folder or id that cannot be loaded, or settings it cannot take
├── TooLong         a prompt with its answer is longer than the model's context
├── MissingPackage  an optional extra; the message is the command that installs it
└── CannotDo        a learner or back end that lacks a verb; the reason becomes a cell of the result table
"""


class UserError(ValueError):
    """A problem that the reader can mend. The message names the thing and says what to type."""


class UnknownName(UserError):
    """A name that is in none of the project's lists."""


class Unobtainable(UserError):
    """A data set that exists, but is not on this machine and cannot be downloaded now."""


class BadTable(UserError):
    """Data that cannot be learnt from as it is."""


class BadModel(UserError):
    """A language model that cannot be loaded or cannot take the settings given."""


class TooLong(UserError):
    """A prompt and its answer do not fit the model's context."""


class MissingPackage(UserError):
    """An optional package is not installed."""


class CannotDo(UserError):
    """The learner or back end has no such ability; not a fault of the data."""
