// Numbers and times as people read them. Pure functions.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

function digits(value) {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

export function bytes(count) {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    ++unit;
  }
  return unit === 0 ? `${value} B` : `${digits(value)} ${UNITS[unit]}`;
}

export const rate = (count) => `${bytes(count)}/s`;

const grouped = new Intl.NumberFormat("en-US");
export const number = (count) => grouped.format(count);

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

// Two units at most: 340 ms, 12.4 s, 4 min 05 s, 3 h 12 min, 2 d 4 h.
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  return seconds(ms / 1000);
}

export function seconds(count) {
  const s = Math.max(0, Math.round(count));
  const two = (value) => String(value).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

// One unit, for a column.
export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

// Of a few thousandths up: 0.0042 is not 0.00.
export function dollars(usd) {
  if (usd === 0) return "$0";
  return usd < 0.01 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
}

export function time(text) {
  return text ? new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : "–";
}

// Keys are anybody's: what a reader cannot see, or what turns the text around, is spelled out.
export function visible(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
