/* libsigverify in C++17: handles that close themselves, results that must be looked at. Header only, over sigverify.h,
 * which says of every call what it takes and what can go wrong.
 *
 * - A handle (Model, Litert, Template, Verifier) is moved, never copied, and closed by its destructor. What sigverify.h
 *   says must outlive what holds here too: declare the model before the verifier, and it does.
 * - No exceptions: firmware is often compiled without them, and throwing one allocates. A call that can fail returns a
 *   Status, or a Result of what it made. A Result is no condition, on purpose: a decision that was made is one thing,
 *   one that accepts another; `if (verifier.verify(…))` does not compile. Reading the value of a failed Result ends the
 *   program.
 * - Nothing is allocated here: what allocates is the C call.
 * - The structs of C (sv_signature, sv_decision, …) are taken as they are.
 */
#ifndef SIGVERIFY_HPP
#define SIGVERIFY_HPP

#include <sigverify.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sigverify {

/* `size` elements that lie one after another and belong to somebody else: an array, a vector, a std::span of C++20. */
template <class T> class Span {
public:
    constexpr Span() noexcept = default;
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N> constexpr Span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    template <class Container,
              class = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::declval<Container &>().data())> (*)[], T (*)[]>>>
    constexpr Span(Container &&container) noexcept : data_(container.data()), size_(container.size())
    {
    }

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T *begin() const noexcept { return data_; }
    constexpr T *end() const noexcept { return data_ + size_; }
    constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }
    constexpr Span first(std::size_t size) const noexcept { return {data_, size < size_ ? size : size_}; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/* What a call returned: SV_OK, or why it failed. */
class [[nodiscard]] Status {
public:
    constexpr Status() noexcept = default;
    constexpr Status(int code) noexcept : code_(code) {}

    constexpr bool ok() const noexcept { return code_ == SV_OK; }
    constexpr int code() const noexcept { return code_; }
    const char *text() const noexcept { return sv_status_text(code_); }

private:
    int code_ = SV_OK;
};

/* What a call made, or the status that says why there is nothing. */
template <class T> class [[nodiscard]] Result {
public:
    Result(T value) noexcept : value_(std::move(value)) {}
    Result(Status failed) noexcept : status_(failed.ok() ? Status(SV_ERROR) : failed) {}

    bool ok() const noexcept { return value_.has_value(); }
    Status status() const noexcept { return status_; }
    T &value() & noexcept { return kept(); }
    const T &value() const & noexcept { return const_cast<Result *>(this)->kept(); }
    T value() && noexcept { return std::move(kept()); }

private:
    T &kept() noexcept
    {
        if (!value_.has_value())
            std::terminate();
        return *value_;
    }

    std::optional<T> value_;
    Status status_;
};

namespace detail {

struct Closer {
    void operator()(sv_model *its) const noexcept { sv_model_close(its); }
    void operator()(sv_template *its) const noexcept { sv_template_close(its); }
    void operator()(sv_verifier *its) const noexcept { sv_verifier_close(its); }
#ifndef SV_NO_LITERT
    void operator()(sv_litert *its) const noexcept { sv_litert_close(its); }
#endif
};

/* One handle of C; empty once it was moved from. */
template <class T> class Handle {
public:
    T *c() const noexcept { return its_.get(); }

protected:
    explicit Handle(T *its) noexcept : its_(its) {}

private:
    std::unique_ptr<T, Closer> its_;
};

} // namespace detail

/* A signature of arrays that stay the caller's; none of pressure: not measured, none of pen_down: all is ink.
 * SV_INVALID_SIGNATURE: they are not of one size. */
inline Result<sv_signature> signature(Span<const double> x, Span<const double> y, Span<const double> time_ms,
                                      Span<const double> pressure = {}, Span<const std::uint8_t> pen_down = {}) noexcept
{
    const std::size_t count = x.size();
    if (y.size() != count || time_ms.size() != count || (!pressure.empty() && pressure.size() != count) ||
        (!pen_down.empty() && pen_down.size() != count))
        return Status(SV_INVALID_SIGNATURE);
    return sv_signature{count, x.data(), y.data(), time_ms.data(), pressure.data(), pen_down.data()};
}

class Model : public detail::Handle<sv_model> {
public:
    /* The bytes are not copied: they must outlive the model. */
    static Result<Model> open(Span<const std::uint8_t> bytes) noexcept
    {
        sv_model *its = nullptr;
        const Status status = sv_model_open(bytes.data(), bytes.size(), &its);
        return status.ok() ? Result<Model>(Model(its)) : status;
    }

    Result<sv_model_info> describe() const noexcept
    {
        sv_model_info info;
        const Status status = sv_model_describe(c(), &info);
        return status.ok() ? Result<sv_model_info>(info) : status;
    }

    int cues() const noexcept { return sv_model_cues(c()); }

    Result<double> threshold(double fmr, sv_impostor impostor, int references) const noexcept
    {
        double threshold = 0;
        const Status status = sv_model_threshold(c(), fmr, impostor, references, &threshold);
        return status.ok() ? Result<double>(threshold) : status;
    }

private:
    using Handle::Handle;
};

#ifndef SV_NO_LITERT
class Litert : public detail::Handle<sv_litert> {
public:
    /* `library`: the path of libLiteRt.so. */
    static Result<Litert> open(const char *library, const Model &model) noexcept
    {
        sv_litert *its = nullptr;
        const Status status = sv_litert_open(library, model.c(), &its);
        return status.ok() ? Result<Litert>(Litert(its)) : status;
    }

    sv_network network() const noexcept { return sv_litert_network(c()); }

private:
    using Handle::Handle;
};
#endif

class Template : public detail::Handle<sv_template> {
public:
    static Result<Template> read(Span<const std::uint8_t> bytes) noexcept
    {
        sv_template *its = nullptr;
        const Status status = sv_template_import(bytes.data(), bytes.size(), &its);
        return status.ok() ? Result<Template>(Template(its)) : status;
    }

    /* How many bytes `write` needs. */
    std::size_t size() const noexcept
    {
        std::size_t size = 0;
        (void)sv_template_export(c(), nullptr, 0, &size); /* it says SV_CONFIG_ERROR, and the size */
        return size;
    }

    /* The part of `into` that was filled: anybody who has these bytes can redraw the signature, so encrypt them. */
    Result<Span<std::uint8_t>> write(Span<std::uint8_t> into) const noexcept
    {
        std::size_t size = 0;
        const Status status = sv_template_export(c(), into.data(), into.size(), &size);
        return status.ok() ? Result<Span<std::uint8_t>>(into.first(size)) : status;
    }

    const char *user() const noexcept { return sv_template_user(c()); }
    const char *model_id() const noexcept { return sv_template_model_id(c()); }
    int references() const noexcept { return sv_template_references(c()); }
    std::int64_t created_ms() const noexcept { return sv_template_created_ms(c()); }

    /* How many strangers are expected to match; the policy left out is the default. */
    Result<sv_strangers> expected_strangers(const Model &model, const sv_policy &policy = {}) const noexcept
    {
        sv_strangers strangers;
        const Status status = sv_expected_strangers(model.c(), c(), &policy, &strangers);
        return status.ok() ? Result<sv_strangers>(strangers) : status;
    }

private:
    friend class Verifier;
    using Handle::Handle;
};

/* One thread at a time. */
class Verifier : public detail::Handle<sv_verifier> {
public:
    static Result<Verifier> open(const Model &model, sv_network network) noexcept
    {
        sv_verifier *its = nullptr;
        const Status status = sv_verifier_open(model.c(), network, &its);
        return status.ok() ? Result<Verifier>(Verifier(its)) : status;
    }

    /* `additions`: none, or one for each signature (SV_CONFIG_ERROR where there are fewer). */
    Result<Template> enroll(const char *user, std::int64_t created_ms, Span<const sv_signature> signatures,
                            Span<sv_addition> additions = {}, sv_screening screening = SV_ENFORCE) noexcept
    {
        if (!additions.empty() && additions.size() < signatures.size())
            return Status(SV_CONFIG_ERROR);
        sv_template *its = nullptr;
        const Status status = sv_enroll(c(), user, created_ms, signatures.data(), signatures.size(), screening,
                                        additions.data(), &its);
        return status.ok() ? Result<Template>(Template(its)) : status;
    }

    /* Read `accepted` of what comes back. The policy left out is the default. */
    Result<sv_decision> verify(const Template &enrolled, const sv_signature &signature,
                               const sv_policy &policy = {}) noexcept
    {
        sv_decision decision;
        const Status status = sv_verify(c(), enrolled.c(), &signature, &policy, &decision);
        return status.ok() ? Result<sv_decision>(decision) : status;
    }

    Result<double> score(const Template &enrolled, const sv_signature &signature) noexcept
    {
        double score = 0;
        const Status status = sv_score(c(), enrolled.c(), &signature, &score);
        return status.ok() ? Result<double>(score) : status;
    }

    /* `templates`: `c()` of each. Comes back: the part of `matches` that was filled, best first. */
    Result<Span<sv_match>> identify(Span<const sv_template *const> templates, const sv_signature &signature,
                                    Span<sv_match> matches, double fpir = 0) noexcept
    {
        std::size_t found = 0;
        const Status status = sv_identify(c(), templates.data(), templates.size(), &signature, fpir, matches.data(),
                                          matches.size(), &found);
        return status.ok() ? Result<Span<sv_match>>(matches.first(found)) : status;
    }

private:
    using Handle::Handle;
};

} // namespace sigverify
#endif
