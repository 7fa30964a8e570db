// Shared by the parts of the addon: reading arguments, throwing errno as an Error, work on the thread pool.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Node exports thousands of symbols; ours must neither meet nor shadow them.
#pragma GCC visibility push(hidden)

#define SCOW_PATH_MAX 4096

struct path { char text[SCOW_PATH_MAX]; };

bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *out);
// A string or the bytes of a Uint8Array, NUL-terminated; false with an exception pending.
bool get_path(napi_env env, napi_value value, struct path *out);
// As get_path, but null and undefined are a NULL pointer.
bool get_optional_path(napi_env env, napi_value value, struct path *store, const char **out);
bool get_int(napi_env env, napi_value value, int64_t *out);
bool get_bool(napi_env env, napi_value value);
// An array of strings, freed with free_strings; false with an exception pending.
bool get_strings(napi_env env, napi_value value, char ***out, size_t *count);
void free_strings(char **strings, size_t count);

napi_value make_error(napi_env env, int err, const char *syscall, const char *path, const char *detail);
napi_value fail(napi_env env, int err, const char *syscall, const char *path);
napi_value fail_with(napi_env env, int err, const char *syscall, const char *path, const char *detail);
napi_value make_int(napi_env env, int64_t number);
napi_value make_bool(napi_env env, bool value);
napi_value undefined(napi_env env);
napi_value integer_or_fail(napi_env env, int64_t result, int err, const char *syscall, const char *path);

// A call that may wait, run on libuv's pool. `run` sets result or err and must not touch N-API.
struct job {
	void (*run)(struct job *job);
	const char *syscall;
	struct path path;
	int fd;
	int64_t flags;
	int64_t result;
	bool as_bool;
	int err;
	napi_async_work work;
	napi_deferred deferred;
};
// Takes over `job` (from calloc) and returns its promise.
napi_value start_job(napi_env env, struct job *job);

typedef napi_value (*native)(napi_env env, napi_callback_info info);
struct entry { const char *name; native call; };
extern const struct entry mount_entries[], file_entries[], process_entries[], socket_entries[], spawn_entries[], watch_entries[],
	overlay_entries[], netns_entries[], netns_connect_entries[], bind_port_entries[], inflate_entries[], memory_entries[], cgroup_moves_entries[];

#pragma GCC visibility pop
