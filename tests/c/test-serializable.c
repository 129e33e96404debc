/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Objects of a program's own classes in values: through every encoding and back, what is refused,
 * what a class does wrong, and bytes that pretend to be one. Then bytes and moments of GLib, and
 * GVariants that other languages have put.
 */

#include "config.h"

#include <string.h>

#include "mproc/base/mp-boxed.h"
#include "mproc/base/mp-payload.h"
#include "mproc/base/mp-serializable.h"
#include "mproc/channel/mp-queue.h"
#include "mproc/sync/mp-lock.h"

/* ── A class ─────────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  GObject parent_instance;
  gint32 x, y;
  const char *fails;            /* what get_state() does */
} TestPoint;

typedef GObjectClass TestPointClass;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestPoint, g_object_unref)

static void point_iface_init (MpSerializableInterface *iface);

GType test_point_get_type (void);
G_DEFINE_TYPE_WITH_CODE (TestPoint, test_point, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (MP_TYPE_SERIALIZABLE, point_iface_init))

typedef TestPoint TestSubpoint;
typedef GObjectClass TestSubpointClass;
GType test_subpoint_get_type (void);
G_DEFINE_TYPE (TestSubpoint, test_subpoint, test_point_get_type ())

static GVariant *
point_get_state (MpSerializable  *self,
                 GError         **error)
{
  TestPoint *point = (TestPoint *) self;

  if (point->fails == NULL)
    return g_variant_new ("(ii)", point->x, point->y);

  if (strcmp (point->fails, "silently") != 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, point->fails);
  return NULL;
}

static gboolean
point_set_state (MpSerializable  *self,
                 GVariant        *state,
                 GError         **error)
{
  TestPoint *point = (TestPoint *) self;

  if (!g_variant_is_of_type (state, G_VARIANT_TYPE ("(ii)")))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no point");
      return FALSE;
    }
  g_variant_get (state, "(ii)", &point->x, &point->y);
  return point->x >= 0;         /* and no error if it is not */
}

static void
point_iface_init (MpSerializableInterface *iface)
{
  iface->get_state = point_get_state;
  iface->set_state = point_set_state;
}

static void
test_point_class_init (TestPointClass *class G_GNUC_UNUSED)
{
}

static void
test_point_init (TestPoint *self G_GNUC_UNUSED)
{
}

static void
test_subpoint_class_init (TestSubpointClass *class G_GNUC_UNUSED)
{
}

static void
test_subpoint_init (TestSubpoint *self G_GNUC_UNUSED)
{
}

static TestPoint *
new_point (GType  type,
           gint32 x,
           gint32 y)
{
  TestPoint *point = g_object_new (type, NULL);

  point->x = x;
  point->y = y;
  return point;
}

/* Floating, as what a test makes of it mostly is. */
static GVariant *
value_of (TestPoint *point)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_serializable_to_variant (MP_SERIALIZABLE (point), &error);
  g_autoptr (GVariant) inner = NULL;

  g_assert_no_error (error);
  inner = g_variant_get_maybe (value);
  return g_variant_new_maybe (NULL, inner);
}

static GVariant *
point_value (gint32 x,
             gint32 y)
{
  g_autoptr (TestPoint) point = new_point (test_point_get_type (), x, y);

  return value_of (point);
}

static void
allow (GType type)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (mp_serializable_allow (type, &error));
  g_assert_no_error (error);
  g_assert_true (mp_serializable_is_allowed (type));
}

static void
assert_refused (GVariant   *value,
                GQuark      domain,
                int         code,
                const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);

  g_assert_null (mp_serializable_from_variant (sunk, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, text));
}

/* ── Objects ─────────────────────────────────────────────────────────────────────────────────── */

static void
assert_point (GVariant *value,
              gint32    x,
              gint32    y)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TestPoint) point = (TestPoint *) mp_serializable_from_variant (value, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (G_OBJECT_TYPE_NAME (point), ==, "TestPoint");
  g_assert_cmpint (point->x, ==, x);
  g_assert_cmpint (point->y, ==, y);
}

static void
test_queue (void)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) got = NULL;
  g_autoptr (GVariant) inner = NULL;

  allow (test_point_get_type ());
  mp_queue_put (queue, g_variant_new_parsed ("{'where': <%*>, 'n': <3>}", point_value (4, -5)), -1,
                NULL, &error);
  g_assert_no_error (error);
  got = mp_queue_get (queue, -1, NULL, &error);
  g_assert_no_error (error);
  inner = g_variant_lookup_value (got, "where", NULL);
  assert_point (inner, 4, -5);
  mp_serializable_disallow (test_point_get_type ());
}

/* What comes out of an encoding is the very GVariant that went in. */
static void
test_encodings (void)
{
  static const MpEncoding ways[][3] = {
    { MP_ENCODING_JSON, MP_ENCODING_PICKLE, MP_ENCODING_VARIANT },
    { MP_ENCODING_PICKLE, MP_ENCODING_JSON, MP_ENCODING_VARIANT },
    { MP_ENCODING_JSON, MP_ENCODING_VARIANT, MP_ENCODING_VARIANT },
  };
  g_autoptr (GVariant) value = NULL;

  value = g_variant_ref_sink (g_variant_new_parsed ("[<{'p': <%*>}>, <[<%*>, <int64 7>]>]",
                                                    point_value (1, 2), point_value (3, 4)));
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autoptr (MpPayload) payload = mp_payload_new_variant (value);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) back = NULL;

      for (guint j = 0; j < 3; j++)
        {
          MpPayload *next = mp_payload_convert (payload, ways[i][j], &error);

          g_assert_no_error (error);
          mp_payload_unref (payload);
          payload = next;
        }
      back = mp_payload_get_variant (payload, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (back, value);
    }
}

static void
test_expected (void)
{
  g_autoptr (MpPayload) written = mp_payload_new_variant (point_value (1, 2));
  g_autoptr (MpPayload) payload = mp_payload_convert (written, MP_ENCODING_PICKLE, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) typed = NULL;
  g_autoptr (GVariant) boxed = NULL;
  g_autoptr (GVariant) inner = NULL;

  allow (test_point_get_type ());
  typed = mp_payload_get_variant (payload, G_VARIANT_TYPE ("m(sv)"), &error);
  g_assert_no_error (error);
  assert_point (typed, 1, 2);
  boxed = mp_payload_get_variant (payload, G_VARIANT_TYPE ("v"), &error);
  g_assert_no_error (error);
  inner = g_variant_get_variant (boxed);
  assert_point (inner, 1, 2);
  mp_serializable_disallow (test_point_get_type ());

  for (const char *type = "s\0(sv)\0a{sv}\0ms\0av\0i\0"; *type != '\0'; type += strlen (type) + 1)
    {
      g_assert_null (mp_payload_get_variant (payload, G_VARIANT_TYPE (type), &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
      g_assert_cmpstr (strstr (error->message, "GObject"), !=, NULL);
      g_clear_error (&error);
    }
}

static void
test_allowed (void)
{
  g_autoptr (TestPoint) subpoint = new_point (test_subpoint_get_type (), 1, 2);
  g_autoptr (GError) error = NULL;
  GType point = test_point_get_type (), sub = test_subpoint_get_type ();
  const GType none[] = { G_TYPE_OBJECT, MP_TYPE_SERIALIZABLE, MP_TYPE_LOCK, G_TYPE_INT, 0 };

  assert_refused (point_value (1, 2), MP_ERROR, MP_ERROR_NOT_PLAIN,
                  "TestPoint, which this process has not allowed");
  assert_refused (g_variant_new_parsed ("@m(sv) ('mp.gobject', <('TestNowhere', <1>)>)"), MP_ERROR,
                  MP_ERROR_NOT_PLAIN, "TestNowhere, which this process does not have");

  allow (point);
  g_assert_false (mp_serializable_is_allowed (sub));
  assert_refused (value_of (subpoint), MP_ERROR, MP_ERROR_NOT_PLAIN, "TestSubpoint");
  mp_serializable_disallow (point);
  mp_serializable_disallow (point);
  assert_refused (point_value (1, 2), MP_ERROR, MP_ERROR_NOT_PLAIN, "TestPoint");

  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    {
      g_assert_false (mp_serializable_allow (none[i], &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      g_assert_false (mp_serializable_is_allowed (none[i]));
    }
}

static GObject *
make_point (GVariant  *state,
            gpointer   data,
            GError   **error)
{
  const char *mode = data;

  if (strcmp (mode, "silent") == 0)
    return NULL;
  if (strcmp (mode, "error") == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "not now");
      return NULL;
    }
  return G_OBJECT (new_point (test_point_get_type (), 70, 71));
}

static guint n_freed;

static void
count_freed (gpointer data)
{
  n_freed++;
}

static void
allow_with (GType        type,
            const char  *mode,
            GError     **error)
{
  mp_serializable_allow_with_func (type, make_point, (gpointer) mode, count_freed, error);
}

static void
test_functions (void)
{
  GType type = test_point_get_type ();
  g_autoptr (GVariant) value = g_variant_ref_sink (point_value (1, 2));
  g_autoptr (GError) error = NULL;

  n_freed = 0;
  allow_with (type, "good", NULL);
  assert_point (value, 70, 71);
  allow_with (type, "silent", NULL);
  g_assert_cmpuint (n_freed, ==, 1);
  assert_refused (value, MP_ERROR, MP_ERROR_FAILED, "TestPoint failed without an error");
  allow_with (type, "error", NULL);
  assert_refused (value, G_IO_ERROR, G_IO_ERROR_BUSY, "not now");
  mp_serializable_disallow (type);
  g_assert_cmpuint (n_freed, ==, 3);
  allow_with (G_TYPE_OBJECT, "good", &error);
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (n_freed, ==, 4);
}

static void
test_classes_that_fail (void)
{
  g_autoptr (TestPoint) point = new_point (test_point_get_type (), 1, 2);
  g_autoptr (GError) error = NULL;

  point->fails = "busy";
  g_assert_null (mp_serializable_to_variant (MP_SERIALIZABLE (point), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  point->fails = "silently";
  g_assert_null (mp_serializable_to_variant (MP_SERIALIZABLE (point), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_FAILED);

  allow (test_point_get_type ());
  assert_refused (point_value (-1, 2), MP_ERROR, MP_ERROR_FAILED, "set_state() of a TestPoint");
  assert_refused (g_variant_new_parsed ("@m(sv) ('mp.gobject', <('TestPoint', <'x'>)>)"),
                  G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "no point");
  mp_serializable_disallow (test_point_get_type ());
}

static void
test_no_objects (void)
{
  static const char * const texts[] = {
    "1", "@m(sv) nothing", "('mp.gobject', <('TestPoint', <1>)>)",
    "@m(sv) ('mp.object', <('TestPoint', <1>)>)", "@m(sv) ('mp.gobject', <('TestPoint', 1)>)",
    "@m(sv) ('mp.gobject', <'TestPoint'>)", "@m(sv) ('mp.gobject', <(1, <1>)>)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_refused (g_variant_new_parsed (texts[i]), MP_ERROR, MP_ERROR_INVALID_DATA,
                    "stands for no object");
}

static void
assert_no_payload (MpEncoding   encoding,
                   GBytes      *bytes,
                   int          code)
{
  g_autoptr (MpPayload) payload = mp_payload_new (encoding, bytes);
  g_autoptr (GError) error = NULL;

  g_assert_null (mp_payload_get_variant (payload, G_VARIANT_TYPE ("av"), &error));
  g_assert_error (error, MP_ERROR, code);
}

static void
assert_no_json (const char *text,
                int         code)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));

  assert_no_payload (MP_ENCODING_JSON, bytes, code);
}

/* Bytes inside of the form that are no GVariant, whatever is cut off or turned round. */
static void
test_hostile (void)
{
  g_autoptr (GVariant) list = g_variant_ref_sink (g_variant_new_parsed ("[<%*>]",
                                                                        point_value (1, 2)));
  g_autoptr (MpPayload) written = mp_payload_new_variant (list);
  g_autoptr (MpPayload) pickle = mp_payload_convert (written, MP_ENCODING_PICKLE, NULL);
  gsize size;
  const guint8 *data = g_bytes_get_data (mp_payload_get_bytes (pickle), &size);

  for (gsize at = 0; at < size; at++)
    for (guint bit = 0; bit < 8; bit++)
      {
        g_autofree guint8 *copy = g_memdup2 (data, size);
        g_autoptr (GBytes) bytes = NULL;
        g_autoptr (MpPayload) payload = NULL;
        g_autoptr (GVariant) value = NULL;

        copy[at] ^= 1 << bit;
        bytes = g_bytes_new (copy, size);
        payload = mp_payload_new (MP_ENCODING_PICKLE, bytes);
        value = mp_payload_get_variant (payload, NULL, NULL);
        g_assert_true (value == NULL || g_variant_is_normal_form (value));
      }

  assert_no_json ("[{\"$mp\":[\"variant\",\"\"]}]", MP_ERROR_INVALID_DATA);
  assert_no_json ("[{\"$mp\":[\"variant\",\"AAAA\"]}]", MP_ERROR_INVALID_DATA);
  assert_no_json ("[{\"$mp\":[\"variant\",7]}]", MP_ERROR_INVALID_DATA);
  assert_no_json ("[{\"$mp\":[\"variant\",\"AQAAAABo\"]}]", MP_ERROR_NOT_PLAIN);  /* a handle */
}

/* ── What other languages have put ───────────────────────────────────────────────────────────── */

/* The pickle of a call of one of the codec's loaders with a string of bytes. */
static MpPayload *
loader_payload (const char *loader,
                GBytes     *argument)
{
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autofree char *name = g_strdup_printf ("cgi.overrides._MpCodec\n%s\nB", loader);
  guint32 size = GUINT32_TO_LE (g_bytes_get_size (argument));
  g_autoptr (GBytes) bytes = NULL;

  g_byte_array_append (pickle, (const guint8 *) "\x80\x05", 2);
  g_byte_array_append (pickle, (const guint8 *) name, strlen (name));
  g_byte_array_append (pickle, (const guint8 *) &size, sizeof size);
  g_byte_array_append (pickle, g_bytes_get_data (argument, NULL), g_bytes_get_size (argument));
  g_byte_array_append (pickle, (const guint8 *) "\x85R.", 3);
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&pickle));

  return mp_payload_new (MP_ENCODING_PICKLE, bytes);
}

static void
test_variants (void)
{
  static const char * const texts[] = {
    "{'a': 1}", "int16 5", "@aay []", "@mms just nothing", "[(1, 'x', @ao ['/a'])]", "<<<'x'>>>",
    "{uint32 7: [1.5, 2.5]}", "@(y(x)) (1, (2,))", "@ay b'bytes\\x00'", "objectpath '/a'",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (texts[i]));
      g_autoptr (MpPayload) written = mp_payload_new_variant (value);
      g_autoptr (MpPayload) direct = mp_payload_convert (written, MP_ENCODING_JSON, NULL);
      g_autoptr (MpPayload) pickle = loader_payload ("load_variant",
                                                     mp_payload_get_bytes (written));
      g_autoptr (MpPayload) text = mp_payload_convert (pickle, MP_ENCODING_JSON, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) back = mp_payload_get_variant (pickle, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpvariant (back, value);
      /* To JavaScript it is what C could have put. */
      g_assert_nonnull (direct);
      g_assert_true (g_bytes_equal (mp_payload_get_bytes (text), mp_payload_get_bytes (direct)));
    }
}

/* It nests as deep as it may, which is less than it could. */
static void
test_depth (void)
{
  for (guint levels = 1; levels < 200; levels += 33)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_int32 (1));
      g_autoptr (MpPayload) written = NULL;
      g_autoptr (MpPayload) pickle = NULL;
      g_autoptr (GVariant) back = NULL;
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < MIN (levels, 120); i++)
        {
          GVariant *outer = g_variant_ref_sink (g_variant_new_variant (value));

          g_variant_unref (value);
          value = outer;
        }
      written = mp_payload_new_variant (value);
      pickle = loader_payload ("load_variant", mp_payload_get_bytes (written));
      back = mp_payload_get_variant (pickle, NULL, &error);
      if (back != NULL)
        g_assert_cmpvariant (back, value);
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
      g_assert_true (levels > 100 || back != NULL);
    }
}

/* Inside of containers there is less room for it; what is too deep is no default value. */
static void
test_depth_inside (void)
{
  for (guint levels = 0; levels < 120; levels += 17)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_int32 (1));
      g_autoptr (MpPayload) written = NULL;
      g_autoptr (MpPayload) payload = NULL;
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GVariant) back = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *base64 = NULL;

      for (guint i = 0; i < levels; i++)
        {
          GVariant *outer = g_variant_ref_sink (g_variant_new_variant (value));

          g_variant_unref (value);
          value = outer;
        }
      written = mp_payload_new_variant (value);
      base64 = g_base64_encode (g_bytes_get_data (mp_payload_get_bytes (written), NULL),
                                g_bytes_get_size (mp_payload_get_bytes (written)));
      for (guint i = 0; i < 30; i++)
        g_string_append (text, "{\"a\":");
      g_string_append_printf (text, "{\"$mp\":[\"variant\",\"%s\"]}", base64);
      for (guint i = 0; i < 30; i++)
        g_string_append_c (text, '}');

      bytes = g_bytes_new (text->str, text->len);
      payload = mp_payload_new (MP_ENCODING_JSON, bytes);
      back = mp_payload_get_variant (payload, NULL, &error);
      if (back != NULL)
        g_assert_true (g_variant_is_normal_form (back));
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
      g_assert_true ((back != NULL) == (levels < 40));
    }
}

static void
test_opaque (void)
{
  static const char opaque[] = "\x80\x04(cdecimal\nDecimal\nX\x01\x00\x00\x00" "1\x85R";
  g_autoptr (MpQueue) first = mp_queue_new (0, NULL);
  g_autoptr (MpQueue) second = mp_queue_new (0, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new_len (opaque, sizeof opaque - 1);
  MpLock *lock = mp_lock_new (NULL);
  g_autofree char *handle = mp_shared_get_handle (MP_SHARED (lock));
  g_autoptr (MpShared) opened = NULL;

  /* [Decimal ('1'), open_shared (handle)] */
  g_string_append_printf (text, "cgi.overrides._MpCodec\nopen_shared\n");
  g_string_append_c (text, '\x8c');
  g_string_append_c (text, (char) strlen (handle));
  g_string_append_printf (text, "%s\x85Rl.", handle);

  mp_shared_attach (MP_SHARED (lock));
  g_assert_cmpint (mp_queue_put_data (first, MP_ENCODING_PICKLE, (const guint8 *) text->str,
                                      text->len, -1), ==, MP_STATUS_OK);
  g_object_unref (lock);
  {
    g_autoptr (MpPayload) payload = mp_queue_get_payload (first, -1, NULL, &error);
    g_autoptr (GVariant) none = mp_payload_get_variant (payload, NULL, &error);

    g_assert_null (none);
    g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
    g_assert_cmpstr (error->message, ==, "Python object of type decimal.Decimal");
    g_clear_error (&error);
    mp_queue_put_payload (second, payload, -1, NULL, &error);
    g_assert_no_error (error);
  }
  {
    g_autoptr (MpPayload) payload = NULL;

    g_assert_cmpint (mp_queue_get_payload_raw (second, -1, &payload), ==, MP_STATUS_OK);
    g_assert_cmpint (mp_payload_get_encoding (payload), ==, MP_ENCODING_PICKLE);
    g_assert_cmpmem (g_bytes_get_data (mp_payload_get_bytes (payload), NULL),
                     g_bytes_get_size (mp_payload_get_bytes (payload)), text->str, text->len);
    opened = mp_shared_open (handle, &error);
    g_assert_no_error (error);
    g_clear_object (&opened);
    g_assert_cmpint (mp_queue_put_payload_raw (first, payload, 0), ==, MP_STATUS_OK);
  }
  /* Skipped, it is gone, and what it held. */
  g_assert_null (mp_queue_get (first, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_PLAIN);
  g_clear_error (&error);
  g_assert_null (mp_shared_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}

/* ── GLib's boxed types ──────────────────────────────────────────────────────────────────────── */

static void
test_bytes (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("a\0b", 3);
  g_autoptr (GVariant) value = g_variant_ref_sink (mp_bytes_to_variant (bytes));
  g_autoptr (GVariant) text = g_variant_ref_sink (g_variant_new_string ("x"));
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) back = mp_bytes_from_variant (value, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (value), ==, "ay");
  g_assert_true (g_bytes_equal (bytes, back));
  g_assert_null (mp_bytes_from_variant (text, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
}

static void
test_date_times (void)
{
  static const struct { const char *zone; int year; double seconds; const char *text; } cases[] = {
    { "Z", 2024, 6, "2024-02-03T04:05:06Z" },
    { "+05:30", 2024, 6.25, "2024-02-03T04:05:06.250000+05:30" },
    { "-08:00", 1, 0.000001, "0001-02-03T04:05:00.000001-08:00" },
    { "Z", 9999, 59.999999, "9999-02-03T04:05:59.999999Z" },
    { "+00:00:01", 1880, 0, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GTimeZone) zone = g_time_zone_new_identifier (cases[i].zone);
      g_autoptr (GDateTime) moment = g_date_time_new (zone, cases[i].year, 2, 3, 4, 5,
                                                      cases[i].seconds);
      g_autoptr (GVariant) value = g_variant_ref_sink (mp_date_time_to_variant (moment));
      g_autofree char *text = g_variant_print (value, FALSE);
      g_autoptr (GError) error = NULL;
      g_autoptr (GDateTime) back = mp_date_time_from_variant (value, &error);
      g_autoptr (MpPayload) payload = mp_payload_new_variant (value);
      g_autoptr (MpPayload) pickle = mp_payload_convert (payload, MP_ENCODING_PICKLE, &error);
      g_autoptr (GVariant) converted = NULL;

      g_assert_no_error (error);
      g_assert_true (g_date_time_equal (moment, back));
      g_assert_cmpint (g_date_time_get_utc_offset (back), ==, g_date_time_get_utc_offset (moment));
      if (cases[i].text != NULL)
        g_assert_nonnull (strstr (text, cases[i].text));
      converted = mp_payload_get_variant (pickle, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpvariant (converted, value);
    }
}

static void
test_no_date_times (void)
{
  static const char * const texts[] = {
    "'2024-02-03T04:05:06Z'", "@m(sv) nothing", "@m(sv) ('mp.datetime', <1>)",
    "@m(sv) ('mp.datetime', <'2024-02-30T04:05:06Z'>)", "@m(sv) ('mp.datetime', <''>)",
    "@m(sv) ('mp.object', <'2024-02-03T04:05:06Z'>)", "@m(sv) ('mp.datetime', <'yesterday'>)",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (texts[i]));
      g_autoptr (GError) error = NULL;

      g_assert_null (mp_date_time_from_variant (value, &error));
      g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_DATA);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/serializable/queue", test_queue);
  g_test_add_func ("/serializable/encodings", test_encodings);
  g_test_add_func ("/serializable/expected", test_expected);
  g_test_add_func ("/serializable/allowed", test_allowed);
  g_test_add_func ("/serializable/functions", test_functions);
  g_test_add_func ("/serializable/classes-that-fail", test_classes_that_fail);
  g_test_add_func ("/serializable/no-objects", test_no_objects);
  g_test_add_func ("/serializable/hostile", test_hostile);
  g_test_add_func ("/serializable/variants", test_variants);
  g_test_add_func ("/serializable/depth", test_depth);
  g_test_add_func ("/serializable/depth-inside", test_depth_inside);
  g_test_add_func ("/serializable/opaque", test_opaque);
  g_test_add_func ("/serializable/bytes", test_bytes);
  g_test_add_func ("/serializable/date-times", test_date_times);
  g_test_add_func ("/serializable/no-date-times", test_no_date_times);

  return g_test_run ();
}
