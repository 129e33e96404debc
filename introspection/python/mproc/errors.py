# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""The exceptions of mproc; each is also a name of the package itself."""

from gi.overrides import _MpErrors
from gi.overrides._MpErrors import *  # noqa: F401,F403

__all__ = [kind.__name__ for kind in _MpErrors.OWN]
