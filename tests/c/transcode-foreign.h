/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pickles that hold what is not plain, as CPython 3.11 wrote them, and how the error names it.
 */

#pragma once

#include "transcode-samples.h"

static const OneWaySample foreign_samples[] = {
  { "instance",
    BYTES ("\200\004\225\030\000\000\000\000\000\000\000\214\007example\224\214\005Local"
           "\224\223\224)\201\224."),
    "Python object of type example.Local" },
  { "class",
    BYTES ("\200\004\225\025\000\000\000\000\000\000\000\214\007example\224\214\005Local"
           "\224\223\224."),
    "Python object of type example.Local" },
  { "instance-2",
    BYTES ("\200\002cexample\012Local\012q\000)\201q\001."),
    "Python object of type example.Local" },
  { "function",
    BYTES ("\200\004\225\025\000\000\000\000\000\000\000\214\007_pickle\224\214\005dumps"
           "\224\223\224."),
    "Python object of type _pickle.dumps" },
  { "complex",
    BYTES ("\200\004\225.\000\000\000\000\000\000\000\214\010builtins\224\214\007complex"
           "\224\223\224G\000\000\000\000\000\000\000\000G\?\360\000\000\000\000\000\000"
           "\206\224R\224."),
    "Python object of type builtins.complex" },
  { "decimal",
    BYTES ("\200\004\225!\000\000\000\000\000\000\000\214\007decimal\224\214\007Decimal"
           "\224\223\224\214\0031.5\224\205\224R\224."),
    "Python object of type decimal.Decimal" },
  { "exception",
    BYTES ("\200\004\225#\000\000\000\000\000\000\000\214\010builtins\224\214\012ValueErro"
           "r\224\223\224\214\001x\224\205\224R\224."),
    "Python object of type builtins.ValueError" },
  { "range",
    BYTES ("\200\004\225 \000\000\000\000\000\000\000\214\010builtins\224\214\005range\224"
           "\223\224K\000K\003K\001\207\224R\224."),
    "Python object of type builtins.range" },
  { "set-class",
    BYTES ("\200\004\225\024\000\000\000\000\000\000\000\214\010builtins\224\214\003set"
           "\224\223\224."),
    "Python object of type builtins.set" },
  { "deque",
    BYTES ("\200\004\225\037\000\000\000\000\000\000\000\214\013collections\224\214\005deq"
           "ue\224\223\224)R\224K\001a."),
    "Python object of type collections.deque" },
  { "counter",
    BYTES ("\200\004\225(\000\000\000\000\000\000\000\214\013collections\224\214\007Counte"
           "r\224\223\224}\224\214\001a\224K\001s\205\224R\224."),
    "Python object of type collections.Counter" },
  { "naive-datetime",
    BYTES ("\200\004\225*\000\000\000\000\000\000\000\214\010datetime\224\214\010datetime"
           "\224\223\224C\012\007\344\001\001\000\000\000\000\000\000\224\205\224R\224."),
    "Python object of type datetime.datetime without a time zone" },
  { "date",
    BYTES ("\200\004\225 \000\000\000\000\000\000\000\214\010datetime\224\214\004date\224"
           "\223\224C\004\007\344\001\001\224\205\224R\224."),
    "Python object of type datetime.date" },
  { "timedelta",
    BYTES ("\200\004\225$\000\000\000\000\000\000\000\214\010datetime\224\214\011timedelta"
           "\224\223\224K\001K\000K\000\207\224R\224."),
    "Python object of type datetime.timedelta" },
  { "timezone",
    BYTES ("\200\004\2257\000\000\000\000\000\000\000\214\010datetime\224\214\010timezone"
           "\224\223\224h\000\214\011timedelta\224\223\224K\000K\000K\000\207\224R\224\205"
           "\224R\224."),
    "Python object of type datetime.timezone" },
  { "numpy-text",
    BYTES ("\200\004\225\206\000\000\000\000\000\000\000\214\025numpy.core.multiarray\224"
           "\214\014_reconstruct\224\223\224\214\005numpy\224\214\007ndarray\224\223\224K"
           "\000\205\224C\001b\224\207\224R\224(K\001K\001\205\224h\003\214\005dtype\224"
           "\223\224\214\002U1\224\211\210\207\224R\224(K\003\214\001<\224NNNK\004K\004K"
           "\010t\224b\211C\004a\000\000\000\224t\224b."),
    "Python object of numpy type U1" },
  { "numpy-dtype",
    BYTES ("\200\004\2257\000\000\000\000\000\000\000\214\005numpy\224\214\005dtype\224"
           "\223\224\214\002f8\224\211\210\207\224R\224(K\003\214\001<\224NNNJ\377\377\377"
           "\377J\377\377\377\377K\000t\224b."),
    "Python object of type numpy.dtype" },
  { "surrogate",
    BYTES ("\200\004\225\010\000\000\000\000\000\000\000\214\004a\355\240\200\224."),
    "Python str with a lone surrogate" },
  { "by-dill",
    BYTES ("\200\004\225/\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\011load_dill\224\223\224C\001x\224\205\224R\224."),
    "Python object of type gi.overrides._MpCodec.load_dill" },
  { "object-of-bytes",
    BYTES ("\200\004\2251\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\013open_shared\224\223\224C\001x\224\205\224R\224."),
    "Python object of type gi.overrides._MpCodec.open_shared" },
  { "object-of-two",
    BYTES ("\200\004\2255\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\013open_shared\224\223\224\214\001a\224\214\001b\224\206\224R"
           "\224."),
    "Python object of type gi.overrides._MpCodec.open_shared" },
  { "object-without-handle",
    BYTES ("\200\004\2250\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\013open_shared\224\223\224\214\000\224\205\224R\224."),
    "Python object of type gi.overrides._MpCodec.open_shared" },
  { "object-with-nul",
    BYTES ("\200\004\2253\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\013open_shared\224\223\224\214\003a\000b\224\205\224R\224."),
    "Python object of type gi.overrides._MpCodec.open_shared" },
  { "object-function",
    BYTES ("\200\004\225)\000\000\000\000\000\000\000\214\025gi.overrides._MpCodec"
           "\224\214\013open_shared\224\223\224."),
    "Python object of type gi.overrides._MpCodec.open_shared" },
  { "list-cycle",
    BYTES ("\200\004\225\011\000\000\000\000\000\000\000]\224(K\001h\000e."),
    "A Python list that contains itself" },
  { "dict-cycle",
    BYTES ("\200\004\225\015\000\000\000\000\000\000\000}\224\214\001x\224]\224h\000as."),
    "A Python dict that contains itself" },
  { "tuple-cycle",
    BYTES ("\200\004\225\013\000\000\000\000\000\000\000]\224h\000\205\224a0h\001."),
    "A Python tuple that contains itself" },
  { "expansion-bomb",
    BYTES ("\200\004\225\330\000\000\000\000\000\000\000]\224(]\224(]\224(]\224(]\224(]"
           "\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]"
           "\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]\224(]"
           "\224(]\224(]\224(]\224(]\224K\000ah#eh\"eh!eh eh\037eh\036eh\035eh\034eh\033eh"
           "\032eh\031eh\030eh\027eh\026eh\025eh\024eh\023eh\022eh\021eh\020eh\017eh\016eh"
           "\015eh\014eh\013eh\012eh\011eh\010eh\007eh\006eh\005eh\004eh\003eh\002eh\001e."),
    "The value shares parts so often that written out it is too large" },
  { "too-deep",
    BYTES ("\200\004\225{\000\000\000\000\000\000\000]\224]\224]\224]\224]\224]\224]\224]"
           "\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]"
           "\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]\224]"
           "\224]\224]\224]\224aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."),
    "The value is nested deeper than 40 containers" },
};
