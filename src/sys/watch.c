// Readiness of any descriptor (pipe, seqpacket socket, pidfd) on Node's own event loop.
#include "napi.h"
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

enum { IDLE = 8 };

struct watch {
	uv_poll_t poll;
	napi_env env;
	napi_ref callback;
	napi_async_context context;
	napi_async_cleanup_hook_handle cleanup;
	bool closing;
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	napi_handle_scope scope;
	napi_value receiver, callback, argument, result;

	napi_open_handle_scope(w->env, &scope);
	// An error of the descriptor is found, with its number, by the next read or write.
	argument = make_int(w->env, status < 0 ? 0 : events);
	if (napi_get_reference_value(w->env, w->callback, &callback) == napi_ok && napi_get_global(w->env, &receiver) == napi_ok &&
	    napi_make_callback(w->env, w->context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
		napi_value error;
		napi_get_and_clear_last_exception(w->env, &error);
		napi_fatal_exception(w->env, error);
	}
	napi_close_handle_scope(w->env, scope);
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	napi_remove_async_cleanup_hook(w->cleanup);
	free(w);
}

static void close_watch(struct watch *w)
{
	if (w->closing)
		return;
	w->closing = true;
	uv_poll_stop(&w->poll);
	napi_delete_reference(w->env, w->callback);
	napi_async_destroy(w->env, w->context);
	uv_close((uv_handle_t *)&w->poll, on_closed);
}

static void on_teardown(napi_async_cleanup_hook_handle handle, void *data)
{
	(void)handle;
	close_watch(data);
}

// watch(fd, 1 readable | 2 writable | 8 do not keep the process alive, callback(events; 0: error)) -> handle for unwatch
static napi_value watch_call(napi_env env, napi_callback_info info)
{
	napi_value a[3], name, handle;
	int64_t fd, events;
	uv_loop_t *loop;
	int failed;

	if (!get_args(env, info, 3, a) || !get_int(env, a[0], &fd) || !get_int(env, a[1], &events) ||
	    napi_get_uv_event_loop(env, &loop) != napi_ok)
		return NULL;
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return fail(env, ENOMEM, "calloc", NULL);
	w->env = env;
	w->poll.data = w;
	failed = uv_poll_init(loop, &w->poll, (int)fd);
	if (failed) {
		free(w);
		return fail(env, -failed, "watch", NULL);
	}
	napi_create_string_utf8(env, "scow.watch", NAPI_AUTO_LENGTH, &name);
	napi_async_init(env, NULL, name, &w->context);
	napi_create_reference(env, a[2], 1, &w->callback);
	napi_add_async_cleanup_hook(env, on_teardown, w, &w->cleanup);
	if (events & IDLE)
		uv_unref((uv_handle_t *)&w->poll);
	failed = uv_poll_start(&w->poll, (int)events & (UV_READABLE | UV_WRITABLE), on_ready);
	if (failed) {
		close_watch(w);
		return fail(env, -failed, "watch", NULL);
	}
	napi_create_external(env, w, NULL, NULL, &handle);
	return handle;
}

// unwatch(handle): once only; the descriptor may be closed right after.
static napi_value unwatch_call(napi_env env, napi_callback_info info)
{
	napi_value a[1];
	void *w;

	if (!get_args(env, info, 1, a) || napi_get_value_external(env, a[0], &w) != napi_ok)
		return fail(env, EINVAL, "unwatch", NULL);
	close_watch(w);
	return undefined(env);
}

const struct entry watch_entries[] = {
	{"watch", watch_call},
	{"unwatch", unwatch_call},
	{NULL, NULL},
};
