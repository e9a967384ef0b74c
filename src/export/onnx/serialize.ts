import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { RunError } from "../../errors.js";
import {
  type Attribute,
  type Initializer,
  initializerBytes,
  type OnnxDType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
} from "./graph.js";

// Field numbers and values of onnx/onnx.proto3.
const MODEL = { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { name: 1, float: 2, int: 3, text: 4, ints: 8, type: 20 };
const ATTRIBUTE_TYPE = { float: 1, int: 2, text: 3, ints: 7 };
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9, externalData: 13, dataLocation: 14 };
const EXTERNAL_ENTRY = { key: 1, value: 2 };
const EXTERNAL = 1;
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { elementType: 1, shape: 2 };
const SHAPE = { dim: 1 };
const DIM = { value: 1, parameter: 2 };
const DATA_TYPE: Record<OnnxDType, number> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 };

/** The version of the file format that came with opset 17. */
const IR_VERSION = 8;

/** A protobuf message must be shorter than 2^31 bytes. */
const LARGEST_MESSAGE = 2 ** 31 - 1;

/** Memory maps begin at pages: external tensors do too, of the largest size in use (Apple's, and Windows' grain). */
const EXTERNAL_ALIGNMENT = 65_536;

/** Smaller constants stay in the model, where shape inference finds them. */
const SMALLEST_EXTERNAL = 1024;

/** A file about to be written: its size is known before its bytes are. */
export interface OnnxFile {
  readonly name: string;
  readonly byteLength: number;
  readonly chunks: Iterable<Uint8Array>;
}

interface SerializeOptions {
  /** Of the model's file: "model.onnx". */
  readonly fileName: string;
  readonly producerVersion: string;
  /** By domain: "" for ONNX's own operators. */
  readonly opsets: Readonly<Record<string, number>>;
  /** A larger model keeps its weights in a second file. Default: what protobuf can hold. */
  readonly largestMessage?: number;
}

/**
 * Lays a graph out as an ONNX model, or, beyond 2 GB, as a model and its external data.
 *
 * Weights are asked for as `chunks` is walked, one tensor at a time.
 */
export function serializeOnnx(graph: OnnxGraph, options: SerializeOptions): OnnxFile[] {
  const { fileName, largestMessage = LARGEST_MESSAGE } = options;
  const weightBytes = graph.initializers.reduce((sum, tensor) => sum + initializerBytes(tensor), 0);
  const whole = weightBytes > largestMessage ? null : modelFile(graph, options, () => null);
  if (whole !== null && whole.byteLength <= largestMessage) return [whole];
  const dataName = `${fileName}_data`;
  const offsets = new Map<string, number>();
  let end = 0;
  const external = graph.initializers.filter((tensor) => initializerBytes(tensor) >= SMALLEST_EXTERNAL);
  for (const tensor of external) {
    const offset = Math.ceil(end / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
    offsets.set(tensor.name, offset);
    end = offset + initializerBytes(tensor);
  }
  const data = { name: dataName, byteLength: end, chunks: externalChunks(external, offsets) };
  const model = modelFile(graph, options, ({ name }) => {
    const offset = offsets.get(name);
    return offset === undefined ? null : { location: dataName, offset };
  });
  return [model, data];
}

type Placement = (tensor: Initializer) => { location: string; offset: number } | null;

function modelFile(graph: OnnxGraph, options: SerializeOptions, placeOf: Placement): OnnxFile {
  const header = modelHeader(options);
  const body = graphBody(graph);
  const tensors = graph.initializers.map((tensor) => {
    const place = placeOf(tensor);
    return place === null ? inlineTensor(tensor) : { prefix: framed(externalTensor(tensor, place)), tensor: null };
  });
  const graphBytes = tensors.reduce(
    (sum, { prefix, tensor }) => sum + prefix.byteLength + (tensor === null ? 0 : initializerBytes(tensor)),
    body.byteLength,
  );
  const graphTag = new BinaryWriter().tag(MODEL.graph, WireType.LengthDelimited).uint32(graphBytes).finish();
  const byteLength = header.byteLength + graphTag.byteLength + graphBytes;
  return { name: options.fileName, byteLength, chunks: modelChunks([header, graphTag, body], tensors) };
}

function* modelChunks(
  first: readonly Uint8Array[],
  tensors: readonly { prefix: Uint8Array; tensor: Initializer | null }[],
): Generator<Uint8Array> {
  yield* first;
  for (const { prefix, tensor } of tensors) {
    yield prefix;
    if (tensor !== null) yield bytesOf(tensor);
  }
}

function* externalChunks(tensors: readonly Initializer[], offsets: ReadonlyMap<string, number>): Generator<Uint8Array> {
  let end = 0;
  for (const tensor of tensors) {
    const offset = offsets.get(tensor.name) ?? end;
    if (offset > end) yield new Uint8Array(offset - end);
    yield bytesOf(tensor);
    end = offset + initializerBytes(tensor);
  }
}

function bytesOf(tensor: Initializer): Uint8Array {
  const bytes = tensor.bytes();
  const expected = initializerBytes(tensor);
  if (bytes.byteLength === expected) return bytes;
  throw new RunError(`constant ${tensor.name}: expected ${expected} bytes, got ${bytes.byteLength}.`);
}

function modelHeader({ producerVersion, opsets }: SerializeOptions): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(MODEL.irVersion, WireType.Varint).int64(IR_VERSION);
  text(writer, MODEL.producerName, "limbeck");
  text(writer, MODEL.producerVersion, producerVersion);
  for (const [domain, version] of Object.entries(opsets)) {
    message(writer, MODEL.opsetImport, (opset) => {
      text(opset, OPSET.domain, domain);
      opset.tag(OPSET.version, WireType.Varint).int64(version);
    });
  }
  return writer.finish();
}

/** All of a graph but its constants, which protobuf lets stand behind it. */
function graphBody(graph: OnnxGraph): Uint8Array {
  const writer = new BinaryWriter();
  for (const node of graph.nodes) message(writer, GRAPH.node, (inner) => writeNode(inner, node));
  text(writer, GRAPH.name, graph.name);
  for (const value of graph.inputs) message(writer, GRAPH.input, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) message(writer, GRAPH.output, (inner) => writeValue(inner, value));
  return writer.finish();
}

function writeNode(writer: BinaryWriter, { op, domain, name, inputs, outputs, attributes }: OnnxNode): void {
  for (const input of inputs) text(writer, NODE.input, input);
  for (const output of outputs) text(writer, NODE.output, output);
  text(writer, NODE.name, name);
  text(writer, NODE.opType, op);
  for (const [key, value] of Object.entries(attributes)) {
    message(writer, NODE.attribute, (inner) => writeAttribute(inner, key, value));
  }
  if (domain !== "") text(writer, NODE.domain, domain);
}

function writeAttribute(writer: BinaryWriter, name: string, value: Attribute): void {
  text(writer, ATTRIBUTE.name, name);
  let type = ATTRIBUTE_TYPE.ints;
  if ("int" in value) {
    writer.tag(ATTRIBUTE.int, WireType.Varint).int64(value.int);
    type = ATTRIBUTE_TYPE.int;
  } else if ("float" in value) {
    writer.tag(ATTRIBUTE.float, WireType.Bit32).float(value.float);
    type = ATTRIBUTE_TYPE.float;
  } else if ("text" in value) {
    text(writer, ATTRIBUTE.text, value.text);
    type = ATTRIBUTE_TYPE.text;
  } else {
    for (const int of value.ints) writer.tag(ATTRIBUTE.ints, WireType.Varint).int64(int);
  }
  writer.tag(ATTRIBUTE.type, WireType.Varint).int32(type);
}

function writeValue(writer: BinaryWriter, { name, dtype, shape }: OnnxValue): void {
  text(writer, VALUE.name, name);
  message(writer, VALUE.type, (type) =>
    message(type, TYPE.tensor, (tensor) => {
      tensor.tag(TENSOR_TYPE.elementType, WireType.Varint).int32(DATA_TYPE[dtype]);
      message(tensor, TENSOR_TYPE.shape, (dims) => {
        for (const size of shape) {
          message(dims, SHAPE.dim, (dim) => {
            if (typeof size === "string") text(dim, DIM.parameter, size);
            else dim.tag(DIM.value, WireType.Varint).int64(size);
          });
        }
      });
    }),
  );
}

/** Everything of a tensor up to its bytes, which follow it in the file. */
function inlineTensor(tensor: Initializer): { prefix: Uint8Array; tensor: Initializer } {
  const rawBytes = initializerBytes(tensor);
  const head = tensorHead(tensor).tag(TENSOR.rawData, WireType.LengthDelimited).uint32(rawBytes).finish();
  const frame = new BinaryWriter()
    .tag(GRAPH.initializer, WireType.LengthDelimited)
    .uint32(head.byteLength + rawBytes)
    .finish();
  return { prefix: Buffer.concat([frame, head]), tensor };
}

function externalTensor(tensor: Initializer, { location, offset }: { location: string; offset: number }): Uint8Array {
  const writer = tensorHead(tensor);
  const entries = { location, offset: String(offset), length: String(initializerBytes(tensor)) };
  for (const [key, value] of Object.entries(entries)) {
    message(writer, TENSOR.externalData, (entry) => {
      text(entry, EXTERNAL_ENTRY.key, key);
      text(entry, EXTERNAL_ENTRY.value, value);
    });
  }
  return writer.tag(TENSOR.dataLocation, WireType.Varint).int32(EXTERNAL).finish();
}

function framed(tensor: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(GRAPH.initializer, WireType.LengthDelimited).bytes(tensor).finish();
}

function tensorHead({ name, dtype, shape }: Initializer): BinaryWriter {
  const writer = new BinaryWriter();
  for (const size of shape) writer.tag(TENSOR.dims, WireType.Varint).int64(size);
  writer.tag(TENSOR.dataType, WireType.Varint).int32(DATA_TYPE[dtype]);
  text(writer, TENSOR.name, name);
  return writer;
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, fill: (inner: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}
