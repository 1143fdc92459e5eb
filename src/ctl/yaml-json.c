/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML to JSON by libyaml's document tree, written forward. The number of nodes written is bounded, so that a
 * few lines of nested aliases cannot become gigabytes.
 */

#include "ctl/yaml-json.h"

#include <errno.h>
#include <yaml.h>

#include "json/check.h"
#include "json/writer.h"

#define MAX_NODES 200000
#define MAX_DEPTH 100

typedef struct Converter {
        yaml_document_t *document;
        JsonWriter writer;
        size_t n_nodes;
        const char *message;
        size_t line;
} Converter;

static bool fail(Converter *c, const yaml_node_t *node, const char *message) {
        c->message = message;
        c->line = node ? node->start_mark.line + 1 : 0;
        return false;
}

static Text scalar_text(const yaml_node_t *node) {
        return text_make(node->data.scalar.value, node->data.scalar.length);
}

/* What a plain scalar means: JSON's own literals and numbers do; YAML's other spellings of null do too. */
static void write_plain(Converter *c, Text text) {
        JsonKind kind;

        if (text.length == 0 || text_is(text, "~") || text_is(text, "null") || text_is(text, "Null") ||
            text_is(text, "NULL"))
                json_null(&c->writer, NULL);
        else if (text_is(text, "True") || text_is(text, "TRUE"))
                json_bool(&c->writer, NULL, true);
        else if (text_is(text, "False") || text_is(text, "FALSE"))
                json_bool(&c->writer, NULL, false);
        else if (json_check(text, &kind, NULL) >= 0 && kind >= JSON_NUMBER)
                json_raw(&c->writer, NULL, text);
        else
                json_text(&c->writer, NULL, text);
}

static bool write_node(Converter *c, int index, unsigned depth);

static bool write_mapping(Converter *c, const yaml_node_t *node, unsigned depth) {
        json_begin(&c->writer, NULL);
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
             pair++) {
                const yaml_node_t *key = yaml_document_get_node(c->document, pair->key);

                if (!key || key->type != YAML_SCALAR_NODE)
                        return fail(c, key, "a key must be a plain word");
                json_key_text(&c->writer, scalar_text(key));
                if (!write_node(c, pair->value, depth + 1))
                        return false;
        }
        json_end(&c->writer);
        return true;
}

static bool write_sequence(Converter *c, const yaml_node_t *node, unsigned depth) {
        json_begin_array(&c->writer, NULL);
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
             item++)
                if (!write_node(c, *item, depth + 1))
                        return false;
        json_end_array(&c->writer);
        return true;
}

static bool write_node(Converter *c, int index, unsigned depth) {
        const yaml_node_t *node = yaml_document_get_node(c->document, index);

        if (!node || depth > MAX_DEPTH)
                return fail(c, node, "nested too deeply");
        if (++c->n_nodes > MAX_NODES)
                return fail(c, node, "too many values (are aliases nested?)");

        switch (node->type) {
        case YAML_MAPPING_NODE:
                return write_mapping(c, node, depth);
        case YAML_SEQUENCE_NODE:
                return write_sequence(c, node, depth);
        case YAML_SCALAR_NODE:
                if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
                        write_plain(c, scalar_text(node));
                else
                        json_text(&c->writer, NULL, scalar_text(node));
                return true;
        default:
                return fail(c, node, "a value of unknown kind");
        }
}

static bool write_document(Converter *c) {
        if (!yaml_document_get_root_node(c->document))
                return fail(c, NULL, "the file is empty");
        return write_node(c, 1, 0);
}

/* What stands behind the first document would be passed over in silence. */
static bool check_end(yaml_parser_t *parser, Converter *c) {
        yaml_document_t document;
        yaml_node_t *root;
        bool good;

        if (!yaml_parser_load(parser, &document))
                return fail(c, NULL, parser->problem ? parser->problem : "not YAML");
        root = yaml_document_get_root_node(&document);
        good = !root || fail(c, root, "one document is enough");
        yaml_document_delete(&document);
        return good;
}

static void print_message(const Converter *c, Buffer *message) {
        if (c->line > 0)
                buffer_printf(message, "line %zu: ", c->line);
        buffer_append_string(message, c->message);
}

int yaml_to_json(Text yaml, Buffer *json, Buffer *ret_message) {
        Converter c = { .writer = JSON_WRITER(json) };
        yaml_document_t document;
        yaml_parser_t parser;
        bool good = false;

        if (!yaml_parser_initialize(&parser))
                out_of_memory();
        /* An empty text may be no text at all, which libyaml's assertions do not take. */
        yaml_parser_set_input_string(&parser, (const unsigned char *) (yaml.data ?: ""), yaml.length);

        if (yaml_parser_load(&parser, &document)) {
                c.document = &document;
                good = write_document(&c);
                yaml_document_delete(&document);
                good = good && check_end(&parser, &c);
        } else {
                c.message = parser.problem ? parser.problem : "not YAML";
                c.line = parser.problem_mark.line + 1;
        }
        if (!good)
                print_message(&c, ret_message);

        yaml_parser_delete(&parser);
        return good ? 0 : -EBADMSG;
}
