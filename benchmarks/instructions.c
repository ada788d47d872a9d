/* One part of a verification, again and again, for an instrument that counts: benchmarks/instructions.py compiles and
 * runs it.
 *
 * instructions MODEL LITERT TEMPLATE PROBES WHAT ROUNDS; WHAT is `verify`, of which round i takes probe i, or
 * `networks`: what a verification runs of them. */
#include "firmware.h"

int main(int count, char **arguments)
{
    size_t size, content_size, probes_size, probes_count;
    sv_model *model;
    sv_litert *litert;
    sv_verifier *verifier;
    sv_template *enrolled;
    sv_decision decision;
    static sv_signature probes[MOST];
    if (count != 7)
        return 2;
    char *data = read_whole(arguments[1], &size), *drawn = read_whole(arguments[4], &probes_size);
    char *content = read_whole(arguments[3], &content_size);
    probes_count = read_captures(drawn, drawn + probes_size, probes);
    must(sv_model_open(data, size, &model), "model");
    must(sv_litert_open(arguments[2], model, &litert), "LiteRT");
    must(sv_verifier_open(model, sv_litert_network(litert), &verifier), "verifier");
    must(sv_template_import(content, content_size, &enrolled), "template");
    const bare networks = bare_networks(model, litert);
    for (int i = 0; i < atoi(arguments[6]); i++)
        if (strcmp(arguments[5], "networks") == 0)
            run_networks(&networks, sv_template_references(enrolled));
        else
            must(sv_verify(verifier, enrolled, &probes[(size_t)i % probes_count], NULL, &decision), "verify");
    return 0;
}
