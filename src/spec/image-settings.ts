/** The part of an OCI image configuration ("config") that a container takes over; spelled as in the image. */
export interface ImageSettings {
  readonly Env?: readonly string[] | null | undefined
  readonly Entrypoint?: readonly string[] | null | undefined
  readonly Cmd?: readonly string[] | null | undefined
  readonly User?: string | undefined
  readonly WorkingDir?: string | undefined
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined
  readonly Labels?: Readonly<Record<string, string>> | null | undefined
  readonly StopSignal?: string | undefined
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null | undefined
}
