// Certificates of the streaming address.
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { Failure } from '../../../errors.ts'

/** Paths of PEM files. */
export interface StreamTls {
  readonly cert: string
  readonly key: string
  /** Authority of the certificates that clients must then have. */
  readonly ca?: string
}

export interface TlsServerOptions extends SecureContextOptions {
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/** @throws invalid: a file that can't be read, or holds something else */
export function readStreamTls({ cert, key, ca }: StreamTls): TlsServerOptions {
  const options: TlsServerOptions = {
    minVersion: 'TLSv1.2', cert: read(cert), key: read(key), ...(ca === undefined ? {} : { ca: read(ca) }),
    requestCert: ca !== undefined, rejectUnauthorized: ca !== undefined,
  }
  try {
    createSecureContext(options)
  } catch (error) {
    throw new Failure('invalid', `the streaming address cannot use ${cert} with ${key}${ca === undefined ? '' : ` and ${ca}`}: ${(error as Error).message}`, { cause: error })
  }
  return options
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Failure('invalid', `cannot read ${file} for the streaming address: ${(error as Error).message}`, { cause: error })
  }
}
