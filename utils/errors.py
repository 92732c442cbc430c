"""Errors that the user can fix.

UserError           the message names the cause and says what to type; scripts print it and exit with code 2
├── UnknownName     a table, method, model, wording or adapter that does not exist; the message lists those that do
├── Unobtainable    a known data set that is neither stored here nor available from its server; studies skip it
├── BadTable        data that no learner could use: no target, no rows, one class, infinite targets
├── BadModel        a model folder or id that cannot be loaded, or settings it does not support
├── TooLong         a prompt with its answer is longer than the model's context
├── MissingPackage  an optional package; the message gives the command that installs it
└── CannotDo        a learner or back end lacks an ability; the reason becomes a cell of the result table
"""


class UserError(ValueError):
    """A problem that the user can fix. The message names the cause and says what to type."""


class UnknownName(UserError):
    """A name that is in none of the project's lists."""


class Unobtainable(UserError):
    """A data set that exists but is not on this machine and cannot be downloaded now."""


class BadTable(UserError):
    """Data that no learner could use."""


class BadModel(UserError):
    """A language model that cannot be loaded or does not support the settings given."""


class TooLong(UserError):
    """A prompt and its answer do not fit the model's context."""


class MissingPackage(UserError):
    """An optional package is not installed."""


class CannotDo(UserError):
    """The learner or back end lacks an ability; the data are not at fault."""
