/* A plugin for qemu that counts executed instructions, and says at the end how many: benchmarks/instructions.py
 * compiles it. Declared by hand after qemu-plugin.h (version 1), which packages of qemu do not have. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ADD 0 /* QEMU_PLUGIN_INLINE_ADD_U64 */
#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*callback)(uint64_t id, struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *at, uint64_t number);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*callback)(uint64_t id, void *data), void *data);
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments);

EXPORTED int qemu_plugin_version = 1;
static uint64_t counted;

static void at_translation(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &counted, qemu_plugin_tb_n_insns(block));
}

static void at_exit(uint64_t id, void *data)
{
    (void)id, (void)data;
    fprintf(stderr, "instructions: %llu\n", (unsigned long long)counted);
}

EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments)
{
    (void)info, (void)count, (void)arguments;
    qemu_plugin_register_vcpu_tb_trans_cb(id, at_translation);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
