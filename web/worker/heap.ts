// A model's memory is that of the WebAssembly which holds it, and ONNX Runtime gives nobody its heap: it is noted when it
// is made. Browsers tell a page's memory as a whole, after half a minute, or not at all.

const made: WebAssembly.Memory[] = [];

class NotedMemory extends WebAssembly.Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor);
    made.push(this);
  }
}

/** From here on heaps are noted. */
export function noteHeaps(): void {
  WebAssembly.Memory = NotedMemory;
}

/** Of all heaps together, in bytes. */
export function heapBytes(): number {
  return made.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}
