import { Failure } from '../../../errors.ts'
import type { ContainerMetadata, PodSandboxMetadata } from '../../wire/generated/runtime-v1.ts'

const WORD = /^[a-zA-Z0-9_.-]{0,1000}$/

/** Names as the kubelet's runtimes have always made them: unique for each attempt. @throws invalid */
export const podName = ({ name, namespace, uid, attempt }: PodSandboxMetadata): string => joined(['k8s', 'POD', name, namespace, uid, String(attempt)])

export const containerName = (container: ContainerMetadata, pod: PodSandboxMetadata): string =>
  joined(['k8s', container.name, pod.name, pod.namespace, pod.uid, String(container.attempt)])

function joined(words: readonly string[]): string {
  const bad = words.find((word) => !WORD.test(word))
  if (bad !== undefined) throw new Failure('invalid', `${JSON.stringify(bad.slice(0, 60))} cannot be part of a name: use letters, digits, "_", "." and "-"`)
  return words.join('_')
}
