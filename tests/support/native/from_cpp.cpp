/* A program of firmware in C++: enroll, keep, read back, verify, identify. Prints what it finds, for the tests.
 *
 *     from_cpp MODEL LITERT CAPTURES REFERENCES TEMPLATE [KEPT]
 *
 * CAPTURES holds signatures one after another: their number, then for each the number of samples, whether pressure was
 * measured, and the arrays. Of the first REFERENCES a template is made and written to TEMPLATE; KEPT is read and
 * written again. */
#include <sigverify.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

using sigverify::Litert;
using sigverify::Model;
using sigverify::Result;
using sigverify::Template;
using sigverify::Verifier;

static_assert(!std::is_copy_constructible_v<Model> && std::is_nothrow_move_constructible_v<Model>);
static_assert(!std::is_copy_constructible_v<Verifier> && std::is_nothrow_move_assignable_v<Verifier>);
static_assert(!std::is_convertible_v<Result<sv_decision>, bool>, "a decision is no condition");
static_assert(!std::is_constructible_v<bool, Result<sv_decision>>, "not even an explicit one");

using Bytes = std::vector<std::uint8_t>;

struct Capture {
    std::vector<double> x, y, time_ms, pressure;
    Bytes pen_down;

    sv_signature view() const { return sigverify::signature(x, y, time_ms, pressure, pen_down).value(); }
};

static Bytes content(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <class T> static void read(std::ifstream &file, std::vector<T> &into, std::size_t count)
{
    into.resize(count);
    file.read(reinterpret_cast<char *>(into.data()), static_cast<std::streamsize>(count * sizeof(T)));
}

static std::vector<Capture> captures(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::vector<std::uint64_t> numbers;
    read(file, numbers, 1);
    std::vector<Capture> all(numbers[0]);
    for (auto &each : all) {
        read(file, numbers, 2);
        for (auto *part : {&each.x, &each.y, &each.time_ms})
            read(file, *part, numbers[0]);
        read(file, each.pressure, numbers[1] ? numbers[0] : 0);
        read(file, each.pen_down, numbers[0]);
    }
    return all;
}

static void keep(const Template &its, const char *path)
{
    Bytes room(its.size());
    if (its.write({room.data(), room.size() - 1}).status().code() != SV_CONFIG_ERROR)
        std::exit(3);
    const auto written = its.write(room);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(written.value().data()),
               static_cast<std::streamsize>(written.value().size()));
}

int main(int count, char **arguments)
{
    if (count < 6)
        return 2;
    const Bytes file = content(arguments[1]);
    const auto signatures = captures(arguments[3]);
    std::vector<sv_signature> views;
    for (const auto &each : signatures)
        views.push_back(each.view());
    const auto references = static_cast<std::size_t>(std::atoi(arguments[4]));
    std::vector<sv_addition> additions(references);
    auto model = Model::open(file);
    if (!model.ok())
        return std::printf("model: %s\n", model.status().text()), 1;
    auto litert = Litert::open(arguments[2], model.value());
    if (!litert.ok())
        return std::printf("LiteRT: %s\n", litert.status().text()), 1;
    Verifier verifier = Verifier::open(model.value(), litert.value().network()).value();
    auto made = verifier.enroll("alice", 1700000000250, sigverify::Span<const sv_signature>(views).first(references),
                                additions);
    for (const auto each : additions)
        std::printf("addition %d\n", each);
    if (!made.ok())
        return std::printf("enrollment: %s\n", made.status().text()), 0;
    Template enrolled = std::move(made).value();
    std::printf("%s %s %d %lld %d\n", enrolled.user(), enrolled.model_id(), enrolled.references(),
                static_cast<long long>(enrolled.created_ms()), model.value().cues());
    std::printf("threshold %.17g\n", model.value().threshold(SV_FMR_STRICT, SV_SKILLED, 5).value());
    const sv_policy strict = {SV_FMR_STRICT, SV_FMR_CONVENIENT, SV_SKILLED};
    const sv_template *everybody[] = {enrolled.c()};
    sv_match matches[3];
    for (std::size_t place = references; place < views.size(); ++place) {
        const auto decision = verifier.verify(enrolled, views[place], strict);
        const auto usual = verifier.verify(enrolled, views[place]);
        if (!decision.ok() || !usual.ok())
            return std::printf("verify: %s\n", decision.status().text()), 1;
        const sv_decision &its = decision.value();
        std::printf("%d %d %d %.17g %.17g %.17g %d\n", its.accepted, its.outcome, its.reason, its.score,
                    its.threshold, its.confidence, usual.value().accepted);
        const auto score = verifier.score(enrolled, views[place]);
        if (score.ok()) {
            const auto found = verifier.identify(everybody, views[place], matches);
            std::printf("score %.17g, of %zu the best %.17g\n", score.value(), found.value().size(),
                        found.value()[0].score);
        }
    }

    Verifier moved = std::move(verifier);
    std::printf("moved %d %d\n", verifier.verify(enrolled, views[references]).status().code(),
                moved.verify(enrolled, views[references]).ok());
    keep(enrolled, arguments[5]);
    if (count > 6) {
        auto kept = Template::read(content(arguments[6]));
        std::printf("kept %s\n", kept.ok() ? kept.value().user() : kept.status().text());
        if (kept.ok())
            keep(kept.value(), arguments[6]);
    }
    return 0;
}
