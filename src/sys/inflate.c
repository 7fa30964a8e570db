// gzip by the zlib that Node brings and exports for addons, in the calling thread and into the caller's buffer: Node's own
// streams hand each piece to another thread and make a new buffer for it.
#include "napi.h"
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_BITS = 15, GZIP = 16 };
enum state { INSIDE, MEMBER_ENDED, PADDED };

struct inflater {
	z_stream stream;
	enum state state;
};

static void free_inflater(napi_env env, void *data, void *hint)
{
	(void)env, (void)hint;
	struct inflater *inflater = data;
	inflateEnd(&inflater->stream);
	free(inflater);
}

// inflateOpen(checked): without `checked`, sums and lengths at the end of members are left unread.
static napi_value open_call(napi_env env, napi_callback_info info)
{
	napi_value a[1], handle;
	if (!get_args(env, info, 1, a))
		return NULL;
	struct inflater *inflater = calloc(1, sizeof *inflater);
	if (!inflater || inflateInit2(&inflater->stream, GZIP + WINDOW_BITS) != Z_OK) {
		free(inflater);
		return fail(env, ENOMEM, "inflate", NULL);
	}
	inflateValidate(&inflater->stream, get_bool(env, a[0]));
	if (napi_create_external(env, inflater, free_inflater, NULL, &handle) != napi_ok) {
		free_inflater(env, inflater, NULL);
		return fail(env, ENOMEM, "inflate", NULL);
	}
	return handle;
}

// One step; Z_OK also where it waits for more input or room.
static int step(struct inflater *inflater)
{
	z_stream *stream = &inflater->stream;
	int result = inflate(stream, Z_NO_FLUSH);
	if (result == Z_STREAM_END)
		inflater->state = MEMBER_ENDED;
	else if (result == Z_OK || result == Z_BUF_ERROR)
		return Z_OK;
	return result;
}

// As far as input and room go, through members that follow each other (RFC 1952, 2.2). Zeros after a member are padding.
static int run(struct inflater *inflater)
{
	z_stream *stream = &inflater->stream;
	for (;;) {
		if (inflater->state == MEMBER_ENDED && stream->avail_in > 0) {
			inflater->state = *stream->next_in == 0 ? PADDED : INSIDE;
			inflateReset(stream);
		}
		if (inflater->state != INSIDE)
			return Z_OK;
		int result = step(inflater);
		if (result != Z_STREAM_END)
			return result;
	}
}

// inflateNext(handle, input, start, output, done): `done` takes the bytes read and written, and the state.
static napi_value next_call(napi_env env, napi_callback_info info)
{
	napi_value a[5];
	struct inflater *inflater;
	void *input, *output, *done;
	size_t input_size, output_size, done_size;
	int64_t start;

	if (!get_args(env, info, 5, a) || napi_get_value_external(env, a[0], (void **)&inflater) != napi_ok || !get_int(env, a[2], &start) ||
	    napi_get_typedarray_info(env, a[1], NULL, &input_size, &input, NULL, NULL) != napi_ok ||
	    napi_get_typedarray_info(env, a[3], NULL, &output_size, &output, NULL, NULL) != napi_ok ||
	    napi_get_typedarray_info(env, a[4], NULL, &done_size, &done, NULL, NULL) != napi_ok || done_size < 3 ||
	    start < 0 || (size_t)start > input_size || input_size > INT32_MAX || output_size > INT32_MAX)
		return fail(env, EINVAL, "inflate", NULL);
	z_stream *stream = &inflater->stream;
	stream->next_in = (Bytef *)input + start;
	stream->avail_in = (uInt)(input_size - (size_t)start);
	stream->next_out = output;
	stream->avail_out = (uInt)output_size;
	int result = run(inflater);
	uint32_t *report = done;
	report[0] = (uint32_t)(input_size - (size_t)start) - stream->avail_in;
	report[1] = (uint32_t)output_size - stream->avail_out;
	report[2] = inflater->state;
	if (result == Z_OK)
		return undefined(env);
	napi_throw_error(env, "Z_DATA_ERROR", stream->msg ? stream->msg : "out of memory");
	return NULL;
}

const struct entry inflate_entries[] = {
	{"inflateOpen", open_call},
	{"inflateNext", next_call},
	{NULL, NULL},
};
