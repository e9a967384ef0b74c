// The small errors that are put into a source file, one at a time.
import { parseSync } from "vite";

const COMPARISONS = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
};
const ARITHMETIC = {
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "**": "*" },
  ...{ "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<", ">>>": "<<" },
};
const LOGIC = { "&&": "||", "||": "&&" };
const ASSIGNMENTS = { "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "??=": "=" };
const OTHER_METHODS = {
  min: "max",
  max: "min",
  ceil: "floor",
  floor: "ceil",
  round: "floor",
  some: "every",
  every: "some",
};
/** Calls that may be left out: what they are called on takes their place. */
const LEFT_OUT = new Set([
  "sort",
  "toSorted",
  "reverse",
  "toReversed",
  "filter",
  "slice",
  "subarray",
  "trim",
  "detach",
]);

/**
 * Every small error that can be put into a file.
 *
 * @returns {{ start: number, end: number, replacement: string, operator: string }[]} in the order of the text
 */
export function mutantsOf(path, source) {
  const { program, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const found = [];
  const replace = (node, replacement, operator) =>
    found.push({ start: node.start, end: node.end, replacement, operator });
  const text = (node) => source.slice(node.start, node.end);
  const operatorAt = (left, right, operator) => {
    const start = source.indexOf(operator, left.end);
    if (start < 0 || start >= right.start) throw new Error(`${path}: no ${operator} at ${left.end}`);
    return { start, end: start + operator.length };
  };

  const visitors = {
    BinaryExpression({ left, right, operator }) {
      for (const other of COMPARISONS[operator] ?? []) {
        replace(operatorAt(left, right, operator), other, "comparison");
      }
      const isText = operator === "+" && [left, right].some(isString);
      if (operator in ARITHMETIC && !isText) {
        replace(operatorAt(left, right, operator), ARITHMETIC[operator], "arithmetic");
      }
    },
    LogicalExpression({ left, right, operator }) {
      if (operator in LOGIC) replace(operatorAt(left, right, operator), LOGIC[operator], "logic");
    },
    AssignmentExpression({ left, right, operator }) {
      if (operator in ASSIGNMENTS) replace(operatorAt(left, right, operator), ASSIGNMENTS[operator], "arithmetic");
    },
    UpdateExpression(node, parent) {
      if (parent.type === "ForStatement" && parent.update === node) return; // It would hardly ever end.
      const other = node.operator === "++" ? "--" : "++";
      replace(node, node.prefix ? other + text(node.argument) : text(node.argument) + other, "arithmetic");
    },
    UnaryExpression(node) {
      if (node.operator === "!" || node.operator === "-") replace(node, text(node.argument), "sign");
    },
    Literal(node, parent) {
      if (typeof node.value === "boolean") replace(node, String(!node.value), "boolean");
      if (typeof node.value !== "number" || (parent.type === "Property" && parent.key === node)) return;
      replace(node, String(node.value + 1), "constant");
      if (node.value >= 1) replace(node, String(node.value - 1), "constant");
    },
    ConditionalExpression(node) {
      replace(node, `${text(node.test)} ? ${text(node.alternate)} : ${text(node.consequent)}`, "branch");
    },
    IfStatement({ test }) {
      replace(test, "true", "branch");
      replace(test, "false", "branch");
    },
    CallExpression(node) {
      const { callee } = node;
      if (callee.type !== "MemberExpression" || callee.computed) return;
      const { name } = callee.property;
      if (name in OTHER_METHODS) replace(callee.property, OTHER_METHODS[name], "method");
      if (LEFT_OUT.has(name)) replace(node, text(callee.object), "call left out");
    },
    ExpressionStatement({ expression, ...node }) {
      const call = expression.type === "AwaitExpression" ? expression.argument : expression;
      if (call.type === "CallExpression" && call.callee.type !== "Super") replace(node, ";", "statement left out");
    },
    AwaitExpression(node, parent) {
      const isBare = parent.type === "ExpressionStatement" || parent.type === "ReturnStatement";
      if (isBare) replace(node, text(node.argument), "await left out");
    },
    BlockStatement(node, parent) {
      const isVoid =
        /Function/.test(parent.type) && node.body.length > 1 && !/\breturn [^;]|\byield\b/.test(text(node));
      if (isVoid)
        found.push({ start: node.start + 1, end: node.start + 1, replacement: " return;", operator: "early return" });
    },
  };

  walk(program, null, visitors);
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

function walk(node, parent, visitors) {
  if (isLeftAlone(node, parent)) return;
  visitors[node.type]?.(node, parent);
  for (const [key, value] of Object.entries(node)) {
    if (key === "typeAnnotation" || key === "typeArguments" || key === "returnType") continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === "object" && typeof child.type === "string") walk(child, node, visitors);
    }
  }
}

/** Types; messages of errors; and what stands in for an element that is always there, as `?? 0` behind an index. */
function isLeftAlone(node, parent) {
  if (/^(TS(?!AsExpression|NonNull|Satisfies)|Import|ExportAll)/.test(node.type)) return true;
  if (node.type === "NewExpression" && /Error$/.test(node.callee.name ?? "")) return true;
  if (node.type === "TemplateLiteral") return true;
  if (parent?.type !== "LogicalExpression" || parent.operator !== "??" || parent.right !== node) return false;
  return (
    isIndexed(parent.left) &&
    (node.type === "Literal" || node.type === "UnaryExpression" || node.type === "MemberExpression")
  );
}

function isIndexed(node) {
  if (node.type === "ChainExpression" || node.type === "ParenthesizedExpression") return isIndexed(node.expression);
  if (node.type === "CallExpression") return node.callee.property?.name === "at";
  if (node.type !== "MemberExpression") return false;
  return node.computed || isIndexed(node.object); // rows[0]?.length ?? 0
}

function isString(node) {
  return node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node.value === "string");
}
