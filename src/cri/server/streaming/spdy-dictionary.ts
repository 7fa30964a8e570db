// The dictionary that SPDY/3 primes its header compression with (draft-mbelshe-httpbis-spdy-00, 2.6.10.1): words with
// their 32-bit lengths, then a run of common values.
const WORDS = ('options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection '
  + 'content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match '
  + 'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer '
  + 'retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status').split(' ')
const VALUES = '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505'
  + '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error'
  + '501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT'
  + 'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch'
  + 'charset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

const counted = (word: string): Buffer => Buffer.concat([u32(word.length), Buffer.from(word, 'latin1')])

export const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(values.length * 4)
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4))
  return bytes
}

export const SPDY_DICTIONARY: Buffer = Buffer.concat([...[...WORDS, '200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'].map(counted), Buffer.from(VALUES, 'latin1')])

/** Adler-32 (RFC 1950): names the dictionary in a zlib header. */
export function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0]
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return ((b << 16) | a) >>> 0
}
