// System calls that Node lacks. Thin: policy lives in TypeScript. Nothing here changes the calling thread.
#include "napi.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *out)
{
	size_t given = count;
	return napi_get_cb_info(env, info, &given, out, NULL, NULL) == napi_ok;
}

bool get_path(napi_env env, napi_value value, struct path *out)
{
	bool bytes = false;
	size_t length = 0;

	napi_is_typedarray(env, value, &bytes);
	if (bytes) {
		void *data;
		if (napi_get_typedarray_info(env, value, NULL, &length, &data, NULL, NULL) != napi_ok || length >= sizeof out->text) {
			fail(env, ENAMETOOLONG, "path", NULL);
			return false;
		}
		memcpy(out->text, data, length);
		out->text[length] = 0;
	} else {
		napi_status status = napi_get_value_string_utf8(env, value, out->text, sizeof out->text, &length);
		if (status != napi_ok) {
			napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a path must be a string or bytes");
			return false;
		}
		if (length >= sizeof out->text - 1) {
			fail(env, ENAMETOOLONG, "path", NULL);
			return false;
		}
	}
	if (memchr(out->text, 0, length)) {
		fail(env, EINVAL, "path with NUL", NULL);
		return false;
	}
	return true;
}

bool get_optional_path(napi_env env, napi_value value, struct path *store, const char **out)
{
	napi_valuetype type;
	*out = NULL;
	if (napi_typeof(env, value, &type) != napi_ok || type == napi_undefined || type == napi_null)
		return true;
	*out = store->text;
	return get_path(env, value, store);
}

bool get_int(napi_env env, napi_value value, int64_t *out)
{
	if (napi_get_value_int64(env, value, out) == napi_ok)
		return true;
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a number is needed");
	return false;
}

bool get_bool(napi_env env, napi_value value)
{
	bool result = false;
	napi_get_value_bool(env, value, &result);
	return result;
}

void free_strings(char **strings, size_t count)
{
	if (!strings)
		return;
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

bool get_strings(napi_env env, napi_value value, char ***out, size_t *count)
{
	uint32_t length = 0;
	if (napi_get_array_length(env, value, &length) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an array is needed");
		return false;
	}
	char **strings = calloc((size_t)length + 1, sizeof *strings);
	*out = strings;
	*count = length;
	if (!strings) {
		fail(env, ENOMEM, "calloc", NULL);
		return false;
	}
	for (uint32_t i = 0; i < length; i++) {
		napi_value item;
		size_t size = 0;
		if (napi_get_element(env, value, i, &item) != napi_ok ||
		    napi_get_value_string_utf8(env, item, NULL, 0, &size) != napi_ok ||
		    !(strings[i] = malloc(size + 1)) ||
		    napi_get_value_string_utf8(env, item, strings[i], size + 1, &size) != napi_ok) {
			free_strings(strings, length);
			*out = NULL;
			napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "an array of strings is needed");
			return false;
		}
	}
	return true;
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text)
{
	napi_value value;
	if (text && napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok)
		napi_set_named_property(env, object, name, value);
}

napi_value make_error(napi_env env, int err, const char *syscall, const char *path, const char *detail)
{
	char message[SCOW_PATH_MAX + 1024];
	napi_value text, code, error;
	const char *name = uv_err_name(-err);

	snprintf(message, sizeof message, "%s: %s, %s%s%s%s%s%s", name, uv_strerror(-err), syscall,
		 path ? " '" : "", path ? path : "", path ? "'" : "", detail ? ": " : "", detail ? detail : "");
	napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text);
	napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
	napi_create_error(env, code, text, &error);
	napi_set_named_property(env, error, "errno", make_int(env, -err));
	set_text(env, error, "syscall", syscall);
	set_text(env, error, "path", path);
	set_text(env, error, "detail", detail);
	return error;
}

napi_value fail_with(napi_env env, int err, const char *syscall, const char *path, const char *detail)
{
	napi_throw(env, make_error(env, err, syscall, path, detail));
	return NULL;
}

napi_value fail(napi_env env, int err, const char *syscall, const char *path)
{
	return fail_with(env, err, syscall, path, NULL);
}

napi_value make_int(napi_env env, int64_t number)
{
	napi_value value;
	napi_create_int64(env, number, &value);
	return value;
}

napi_value make_bool(napi_env env, bool value)
{
	napi_value result;
	napi_get_boolean(env, value, &result);
	return result;
}

napi_value undefined(napi_env env)
{
	napi_value value;
	napi_get_undefined(env, &value);
	return value;
}

napi_value integer_or_fail(napi_env env, int64_t result, int err, const char *syscall, const char *path)
{
	return result < 0 ? fail(env, err, syscall, path) : make_int(env, result);
}

static void run_job(napi_env env, void *data)
{
	(void)env;
	struct job *job = data;
	job->run(job);
}

static void finish_job(napi_env env, napi_status status, void *data)
{
	struct job *job = data;
	if (status != napi_ok)
		job->err = ECANCELED;
	if (job->err)
		napi_reject_deferred(env, job->deferred,
				     make_error(env, job->err, job->syscall, job->path.text[0] ? job->path.text : NULL, NULL));
	else
		napi_resolve_deferred(env, job->deferred,
				      job->as_bool ? make_bool(env, job->result != 0) : make_int(env, job->result));
	napi_delete_async_work(env, job->work);
	free(job);
}

napi_value start_job(napi_env env, struct job *job)
{
	napi_value promise, name;
	napi_create_string_utf8(env, job->syscall, NAPI_AUTO_LENGTH, &name);
	if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
	    napi_create_async_work(env, NULL, name, run_job, finish_job, job, &job->work) != napi_ok ||
	    napi_queue_async_work(env, job->work) != napi_ok) {
		free(job);
		return fail(env, EAGAIN, "queue work", NULL);
	}
	return promise;
}

NAPI_MODULE_INIT()
{
	const struct entry *tables[] = {mount_entries, file_entries, process_entries, socket_entries, spawn_entries,
					watch_entries, overlay_entries, netns_entries, netns_connect_entries, bind_port_entries, inflate_entries, memory_entries,
					cgroup_moves_entries};
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (const struct entry *e = tables[t]; e->name; e++) {
			napi_value function;
			napi_create_function(env, e->name, NAPI_AUTO_LENGTH, e->call, NULL, &function);
			napi_set_named_property(env, exports, e->name, function);
		}
	}
	return exports;
}
