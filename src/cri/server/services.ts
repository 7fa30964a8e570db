// Every RPC by its name: a name of the generated services that is missing here does not compile.
import * as wire from '../wire/generated/runtime-v1.ts'
import { createContainer } from './container/create-container.ts'
import { containerStatus } from './container/container-status.ts'
import { execSync } from './container/exec-sync.ts'
import { listContainers, streamContainers } from './container/list-containers.ts'
import { removeContainer } from './container/remove-container.ts'
import { startContainer } from './container/start-container.ts'
import { stopContainer } from './container/stop-container.ts'
import { imageFsInfo } from './image/image-fs-info.ts'
import { imageStatus } from './image/image-status.ts'
import { listImages, streamImages } from './image/list-images.ts'
import { pullImage } from './image/pull-image.ts'
import { removeImage } from './image/remove-image.ts'
import { notYet } from './not-yet.ts'
import { encoded, streaming, unary, type Wrapped } from './rpc.ts'
import { runtimeConfig } from './runtime/runtime-config.ts'
import { status } from './runtime/status.ts'
import { updateRuntimeConfig } from './runtime/update-runtime-config.ts'
import { version } from './runtime/version.ts'
import { listPodSandbox, streamPodSandboxes } from './sandbox/list-pod-sandbox.ts'
import { podSandboxStatus } from './sandbox/pod-sandbox-status.ts'
import { removePodSandbox } from './sandbox/remove-pod-sandbox.ts'
import { runPodSandbox } from './sandbox/run-pod-sandbox.ts'
import { stopPodSandbox } from './sandbox/stop-pod-sandbox.ts'
import { attach } from './streaming/attach.ts'
import { exec } from './streaming/exec.ts'
import { portForward } from './streaming/port-forward-rpc.ts'
import { getContainerEvents } from './container/get-container-events.ts'
import { reopenContainerLog } from './container/reopen-container-log.ts'
import { updateContainerResources } from './container/update-container-resources.ts'
import { updatePodSandboxResources } from './sandbox/update-pod-sandbox-resources.ts'
import { containerStats, listContainerStats, streamContainerStats } from './stats/container-stats.ts'
import { listMetricDescriptors, listPodSandboxMetrics, streamPodSandboxMetrics } from './stats/pod-sandbox-metrics.ts'
import { listPodSandboxStats, podSandboxStats, streamPodSandboxStats } from './stats/pod-sandbox-stats.ts'

type Table<Service> = { readonly [Name in keyof Service]: Wrapped }

export const runtimeService = (api: 'v1' | 'v1alpha2'): Table<typeof wire.RuntimeServiceService> => ({
  version: unary(version(api), wire.VersionResponse),
  status: unary(status, wire.StatusResponse),
  runtimeConfig: unary(runtimeConfig, wire.RuntimeConfigResponse),
  updateRuntimeConfig: unary(updateRuntimeConfig, wire.UpdateRuntimeConfigResponse),

  runPodSandbox: unary(runPodSandbox, wire.RunPodSandboxResponse),
  stopPodSandbox: unary(stopPodSandbox, wire.StopPodSandboxResponse),
  removePodSandbox: unary(removePodSandbox, wire.RemovePodSandboxResponse),
  podSandboxStatus: unary(podSandboxStatus, wire.PodSandboxStatusResponse),
  listPodSandbox: unary(listPodSandbox, wire.ListPodSandboxResponse),
  streamPodSandboxes: streaming(streamPodSandboxes, wire.StreamPodSandboxesResponse),
  updatePodSandboxResources: unary(updatePodSandboxResources, wire.UpdatePodSandboxResourcesResponse),

  createContainer: unary(createContainer, wire.CreateContainerResponse),
  startContainer: unary(startContainer, wire.StartContainerResponse),
  stopContainer: unary(stopContainer, wire.StopContainerResponse),
  removeContainer: unary(removeContainer, wire.RemoveContainerResponse),
  listContainers: encoded(listContainers),
  streamContainers: streaming(streamContainers, wire.StreamContainersResponse),
  containerStatus: unary(containerStatus, wire.ContainerStatusResponse),
  updateContainerResources: unary(updateContainerResources, wire.UpdateContainerResourcesResponse),
  reopenContainerLog: unary(reopenContainerLog, wire.ReopenContainerLogResponse),
  checkpointContainer: notYet,

  execSync: unary(execSync, wire.ExecSyncResponse),
  exec: unary(exec, wire.ExecResponse),
  attach: unary(attach, wire.AttachResponse),
  portForward: unary(portForward, wire.PortForwardResponse),

  containerStats: unary(containerStats, wire.ContainerStatsResponse),
  listContainerStats: encoded(listContainerStats),
  streamContainerStats: streaming(streamContainerStats, wire.StreamContainerStatsResponse),
  podSandboxStats: unary(podSandboxStats, wire.PodSandboxStatsResponse),
  listPodSandboxStats: encoded(listPodSandboxStats),
  streamPodSandboxStats: streaming(streamPodSandboxStats, wire.StreamPodSandboxStatsResponse),
  listMetricDescriptors: unary(listMetricDescriptors, wire.ListMetricDescriptorsResponse),
  listPodSandboxMetrics: encoded(listPodSandboxMetrics),
  streamPodSandboxMetrics: streaming(streamPodSandboxMetrics, wire.StreamPodSandboxMetricsResponse),
  getContainerEvents: streaming(getContainerEvents, wire.ContainerEventResponse),
})

export const imageService: Table<typeof wire.ImageServiceService> = {
  listImages: unary(listImages, wire.ListImagesResponse),
  streamImages: streaming(streamImages, wire.StreamImagesResponse),
  imageStatus: unary(imageStatus, wire.ImageStatusResponse),
  pullImage: unary(pullImage, wire.PullImageResponse),
  removeImage: unary(removeImage, wire.RemoveImageResponse),
  imageFsInfo: unary(imageFsInfo, wire.ImageFsInfoResponse),
}
