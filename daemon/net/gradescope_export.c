/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submission_metadata.yml of a Gradescope export. The file holds every submission's results too and so grows over what
 * rubrics/ reads as YAML: it is read as a stream, event by event, and what is not wanted is skipped without being kept.
 * Ruby writes it, so keys are symbols (":submitters"), equal strings may be aliases of an anchor, and times have a
 * blank before their zone.
 */
#include "daemon/net/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

static const unsigned max_depth = 64;
static const guint max_entries = 100000, max_submitters = 1000, max_anchors = 10000;
static const guint64 max_events = 20 * 1000 * 1000;
static const gsize max_text_bytes = 1000;
static const gint64 max_bytes = G_GINT64_CONSTANT(4) << 30;

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    unsigned depth;
    guint64 n_events;
    GHashTable *anchors; /* name -> text of scalars */
    int fd;              /* where the bytes come from */
    gint64 n_bytes;
    int read_errno; /* 0, or why reading failed: EFBIG when there are more than max_bytes */
    GError **error;
} Reader;

static bool fail_here(Reader *reader, const char *message)
{
    const yaml_mark_t *at = reader->has_event ? &reader->event.start_mark : &reader->parser.problem_mark;
    return error_set(reader->error, RUBRIC_ERROR_INVALID, "submission_metadata.yml:%zu:%zu: %s", at->line + 1,
                     at->column + 1, message);
}

static void drop_event(Reader *reader)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = false;
}

static bool fail_reading(Reader *reader)
{
    if (reader->read_errno == EFBIG)
        return error_set(reader->error, RUBRIC_ERROR_LIMIT, "submission_metadata.yml is larger than 4 GiB");
    return error_set_errno(reader->error, reader->read_errno, "cannot read submission_metadata.yml");
}

/* Fills libyaml's own small buffer; its contract: 0 for failure, no bytes for the end. */
static int read_more(void *data, unsigned char *buffer, size_t size, size_t *ret_n)
{
    Reader *reader = data;
    ssize_t n = -1;
    do
        n = read(reader->fd, buffer, size);
    while (n < 0 && errno == EINTR);
    *ret_n = n > 0 ? (size_t)n : 0;
    reader->n_bytes += (gint64)*ret_n;
    reader->read_errno = n < 0 ? errno : reader->n_bytes > max_bytes ? EFBIG : 0;
    return reader->read_errno == 0;
}

static void note_anchor(Reader *reader)
{
    const yaml_event_t *event = &reader->event;
    if (event->type != YAML_SCALAR_EVENT || !event->data.scalar.anchor ||
        g_hash_table_size(reader->anchors) >= max_anchors || event->data.scalar.length > max_text_bytes)
        return;
    g_hash_table_insert(reader->anchors, g_strdup((const char *)event->data.scalar.anchor),
                        g_strdup((const char *)event->data.scalar.value));
}

static bool next_event(Reader *reader)
{
    drop_event(reader);
    if (!yaml_parser_parse(&reader->parser, &reader->event) && reader->read_errno != 0)
        return fail_reading(reader);
    if (reader->parser.error != YAML_NO_ERROR)
        return fail_here(reader, reader->parser.problem ? reader->parser.problem : "is not YAML");
    reader->has_event = true;
    if (++reader->n_events > max_events)
        return fail_here(reader, "the file holds too much to read");
    yaml_event_type_t type = reader->event.type;
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) {
        if (++reader->depth > max_depth)
            return fail_here(reader, "nested more than 64 deep");
    } else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) {
        reader->depth--;
    }
    note_anchor(reader);
    return true;
}

/* The current event starts a node: moves to its last event. */
static bool skip_node(Reader *reader)
{
    yaml_event_type_t type = reader->event.type;
    if (type != YAML_MAPPING_START_EVENT && type != YAML_SEQUENCE_START_EVENT)
        return true;
    unsigned outside = reader->depth - 1;
    while (reader->depth > outside) {
        if (!next_event(reader))
            return false;
    }
    return true;
}

static bool text_is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* The current event as text: a scalar, or an alias of one; NULL for null, anything nested, and what is too long. */
static char *current_text(const Reader *reader)
{
    const yaml_event_t *event = &reader->event;
    if (event->type == YAML_ALIAS_EVENT)
        return g_strdup(g_hash_table_lookup(reader->anchors, event->data.alias.anchor));
    if (event->type != YAML_SCALAR_EVENT || text_is_null(event) || event->data.scalar.length > max_text_bytes)
        return NULL;
    return g_strdup((const char *)event->data.scalar.value);
}

/* Moves to the next key of the mapping that was entered. *ret_key NULL: the mapping has ended. Symbol keys lose their
 * colon. A key that is no text reads as "". Afterwards the current event is the first of the value. */
static bool next_key(Reader *reader, char **ret_key)
{
    *ret_key = NULL;
    if (!next_event(reader))
        return false;
    if (reader->event.type == YAML_MAPPING_END_EVENT)
        return true;
    g_autofree char *text = current_text(reader);
    if (!skip_node(reader) || !next_event(reader))
        return false;
    *ret_key = g_strdup(text ? (*text == ':' ? text + 1 : text) : "");
    return true;
}

/* "2022-09-21 20:59:03.557064123 -04:00" and ISO 8601; without a zone: UTC, as Ruby writes it. */
static gint64 parse_created(const char *text)
{
    g_autoptr(GRegex) form =
        g_regex_new("^\\s*(\\d{4}-\\d\\d-\\d\\d)[T "
                    "](\\d\\d:\\d\\d:\\d\\d)(?:\\.(\\d{1,6})\\d*)?\\s*(Z|UTC|[+-]\\d\\d:?\\d\\d)?\\s*$",
                    0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    if (!text || !g_regex_match(form, text, 0, &match))
        return G_MININT64;
    g_autofree char *day = g_match_info_fetch(match, 1);
    g_autofree char *clock = g_match_info_fetch(match, 2);
    g_autofree char *fraction = g_match_info_fetch(match, 3);
    g_autofree char *zone = g_match_info_fetch(match, 4);
    bool is_utc = !zone || !*zone || strcmp(zone, "UTC") == 0;
    g_autofree char *iso = g_strdup_printf("%sT%s%s%s%s", day, clock, fraction && *fraction ? "." : "",
                                           fraction ? fraction : "", is_utc ? "Z" : zone);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    gint64 instant_us = 0;
    const gint64 latest_us = 200 * 365 * CLOCK_DAY_US;
    bool is_read = clock_parse(iso, utc, &instant_us, NULL) && instant_us >= 0 && instant_us < latest_us;
    return is_read ? instant_us : G_MININT64;
}

/* A time is a scalar, or an object of Rails with the instant under `utc`. */
static bool read_created(Reader *reader, gint64 *ret_us)
{
    if (reader->event.type != YAML_MAPPING_START_EVENT) {
        g_autofree char *text = current_text(reader);
        *ret_us = parse_created(text);
        return skip_node(reader);
    }
    for (;;) {
        g_autofree char *key = NULL;
        if (!next_key(reader, &key))
            return false;
        if (!key)
            return true;
        if (strcmp(key, "utc") == 0) {
            g_autofree char *text = current_text(reader);
            *ret_us = parse_created(text);
        }
        if (!skip_node(reader))
            return false;
    }
}

void export_submitter_free(gpointer data)
{
    ExportSubmitter *submitter = data;
    g_free(submitter->name);
    g_free(submitter->sid);
    g_free(submitter->email);
    g_free(submitter);
}

static bool read_submitter(Reader *reader, GPtrArray *submitters)
{
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return skip_node(reader);
    if (submitters->len >= max_submitters)
        return fail_here(reader, "a submission with more than 1,000 submitters");
    ExportSubmitter *submitter = g_new0(ExportSubmitter, 1);
    g_ptr_array_add(submitters, submitter);
    for (;;) {
        g_autofree char *key = NULL;
        if (!next_key(reader, &key))
            return false;
        if (!key)
            return true;
        char **field = strcmp(key, "name") == 0    ? &submitter->name
                       : strcmp(key, "sid") == 0   ? &submitter->sid
                       : strcmp(key, "email") == 0 ? &submitter->email
                                                   : NULL;
        if (field && !*field)
            *field = current_text(reader);
        if (!skip_node(reader))
            return false;
    }
}

static bool read_submitters(Reader *reader, GPtrArray *submitters)
{
    if (reader->event.type != YAML_SEQUENCE_START_EVENT)
        return skip_node(reader);
    for (;;) {
        if (!next_event(reader))
            return false;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (!read_submitter(reader, submitters))
            return false;
    }
}

static void entry_free(gpointer data)
{
    ExportEntry *entry = data;
    g_free(entry->key);
    g_ptr_array_unref(entry->submitters);
    g_free(entry);
}

/* Keys become file names. */
static bool key_is_plain(const char *key)
{
    const gsize max_name = 255;
    return *key && *key != '.' && strlen(key) <= max_name && !strchr(key, '/') && !strchr(key, '\\');
}

/* NULL after an error: there are too many. Borrowed. */
static ExportEntry *add_entry(Reader *reader, char *key, GPtrArray *submitters, ExportMetadata *metadata)
{
    ExportEntry *entry = g_new0(ExportEntry, 1);
    *entry = (ExportEntry){.key = key, .created_us = G_MININT64, .submitters = submitters};
    if (metadata->entries->len < max_entries) {
        g_ptr_array_add(metadata->entries, entry);
        return entry;
    }
    entry_free(entry);
    fail_here(reader, "more than 100,000 submissions");
    return NULL;
}

/* An earlier submission of the same submitters: named by its id, taken when its files are there. */
static bool read_earlier(Reader *reader, const ExportEntry *of, ExportMetadata *metadata)
{
    g_autofree char *id = NULL;
    gint64 created_us = G_MININT64;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return skip_node(reader);
    for (;;) {
        g_autofree char *name = NULL;
        if (!next_key(reader, &name))
            return false;
        if (!name)
            break;
        if (strcmp(name, "id") == 0 && !id)
            id = current_text(reader);
        bool is_read = strcmp(name, "created_at") == 0 ? read_created(reader, &created_us) : skip_node(reader);
        if (!is_read)
            return false;
    }
    const gsize max_digits = 20;
    if (!text_is_digits(id, max_digits))
        return true;
    ExportEntry *earlier =
        add_entry(reader, g_strconcat("submission_", id, NULL), g_ptr_array_ref(of->submitters), metadata);
    if (!earlier)
        return false;
    earlier->created_us = created_us;
    earlier->is_earlier = true;
    return true;
}

static bool read_history(Reader *reader, const ExportEntry *of, ExportMetadata *metadata)
{
    if (reader->event.type != YAML_SEQUENCE_START_EVENT)
        return skip_node(reader);
    for (;;) {
        if (!next_event(reader))
            return false;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (!read_earlier(reader, of, metadata))
            return false;
    }
}

static bool read_entry(Reader *reader, const char *key, ExportMetadata *metadata)
{
    if (!key_is_plain(key))
        return fail_here(reader, "a submission's key is no plain folder or file name");
    ExportEntry *entry =
        add_entry(reader, g_strdup(key), g_ptr_array_new_with_free_func(export_submitter_free), metadata);
    if (!entry)
        return false;
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return skip_node(reader);
    for (;;) {
        g_autofree char *name = NULL;
        if (!next_key(reader, &name))
            return false;
        if (!name)
            return true;
        bool is_read = strcmp(name, "submitters") == 0   ? read_submitters(reader, entry->submitters)
                       : strcmp(name, "created_at") == 0 ? read_created(reader, &entry->created_us)
                       : strcmp(name, "history") == 0    ? read_history(reader, entry, metadata)
                                                         : skip_node(reader);
        if (!is_read)
            return false;
    }
}

static bool read_document(Reader *reader, ExportMetadata *metadata)
{
    do {
        if (!next_event(reader))
            return false;
    } while (reader->event.type == YAML_STREAM_START_EVENT || reader->event.type == YAML_DOCUMENT_START_EVENT);
    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return fail_here(reader, "expected a map of submissions");
    for (;;) {
        g_autofree char *key = NULL;
        if (!next_key(reader, &key))
            return false;
        if (!key)
            return true;
        if (!read_entry(reader, key, metadata))
            return false;
    }
}

void export_metadata_free(ExportMetadata *metadata)
{
    if (!metadata)
        return;
    g_ptr_array_unref(metadata->entries);
    g_free(metadata);
}

/* The parser is set up, and has its input. */
static ExportMetadata *read_all(Reader *reader)
{
    reader->anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    ExportMetadata *metadata = g_new0(ExportMetadata, 1);
    metadata->entries = g_ptr_array_new_with_free_func(entry_free);
    if (!read_document(reader, metadata))
        g_clear_pointer(&metadata, export_metadata_free);
    drop_event(reader);
    yaml_parser_delete(&reader->parser);
    g_hash_table_unref(reader->anchors);
    return metadata;
}

static bool set_up(Reader *reader)
{
    return yaml_parser_initialize(&reader->parser) ||
           error_set(reader->error, RUBRIC_ERROR_SYSTEM, "libyaml cannot be set up");
}

ExportMetadata *export_metadata_parse(const char *text, gsize length, GError **error)
{
    Reader reader = {.error = error, .fd = -1};
    if (!set_up(&reader))
        return NULL;
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    return read_all(&reader);
}

ExportMetadata *export_metadata_read(int fd, GError **error)
{
    Reader reader = {.error = error, .fd = fd};
    if (!set_up(&reader))
        return NULL;
    yaml_parser_set_input(&reader.parser, read_more, &reader);
    return read_all(&reader);
}

char *export_assignment_id(const char *name)
{
    static const char prefix[] = "assignment_", suffix[] = "_export";
    if (!g_str_has_prefix(name, prefix))
        return NULL;
    const char *digits = name + strlen(prefix);
    gsize n_digits = strspn(digits, "0123456789");
    if (n_digits == 0 || !g_str_has_prefix(digits + n_digits, suffix))
        return NULL;
    return g_strndup(digits, n_digits);
}
