// The caller's own terminal and standard streams, for commands.
export { descriptorSink } from '../process/descriptor-sink.ts'
export { rawTerminal } from '../process/raw-terminal.ts'
