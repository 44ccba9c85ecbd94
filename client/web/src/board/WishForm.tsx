/** What to ask for: the way to read, and the numbers or the script that go with it. */

import { useId } from "react";

import { isScripted, NotARequest, readScript, type Way, type Wish } from "../streams/request.ts";
import { presetsOf } from "./presets.ts";
import { WAYS } from "./words.ts";

interface Props {
  readonly wish: Wish;
  readonly change: (change: Partial<Wish>) => void;
}

export function WishForm({ wish, change }: Props) {
  return (
    <form className="wish" onSubmit={(event) => event.preventDefault()}>
      <fieldset className="ways">
        <legend>Way to read</legend>
        {WAYS.map(({ way, name, how }) => (
          <label key={way}>
            <input
              type="radio"
              name="way"
              value={way}
              checked={wish.way === way}
              onChange={() => change({ way, ...scriptOf(way, wish) })}
            />
            <span>
              <strong>{name}</strong>
              <small>{how}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {isScripted(wish.way) ? <Script wish={wish} change={change} /> : <Numbers wish={wish} change={change} />}
    </form>
  );
}

/** The first preset of the way, unless the script there is of it already. */
function scriptOf(way: Way, wish: Wish): Partial<Wish> {
  return isScripted(way) && way !== wish.way ? { script: presetsOf(way)[0]?.script ?? "" } : {};
}

function Numbers({ wish, change }: Props) {
  return (
    <div className="numbers">
      <NumberField name="Items" value={wish.count} max={100_000} set={(count) => change({ count })} />
      <NumberField name="Interval, ms" value={wish.intervalMs} max={60_000} set={(intervalMs) => change({ intervalMs })} />
      {wish.way === "event-source" && (
        <label className="check">
          <input
            type="checkbox"
            checked={wish.closeAtDone}
            onChange={(event) => change({ closeAtDone: event.target.checked })}
          />
          <span>
            Close at the terminal event <small>(else the browser comes back, and is answered 204)</small>
          </span>
        </label>
      )}
    </div>
  );
}

interface NumberFieldProps {
  readonly name: string;
  readonly value: number;
  readonly max: number;
  readonly set: (value: number) => void;
}

function NumberField({ name, value, max, set }: NumberFieldProps) {
  return (
    <label className="number">
      <span>{name}</span>
      <input
        type="number"
        min={0}
        max={max}
        step={1}
        value={Number.isNaN(value) ? "" : value}
        onChange={(event) => set(event.target.valueAsNumber)}
      />
    </label>
  );
}

function Script({ wish, change }: Props) {
  const id = useId();
  const mistake = mistakeIn(wish.script);
  return (
    <div className="script">
      <div className="presets" role="group" aria-label="Scripts to begin with">
        {presetsOf(wish.way).map(({ name, script }) => (
          <button
            key={name}
            type="button"
            className="chip"
            aria-pressed={script === wish.script}
            onClick={() => change({ script })}
          >
            {name}
          </button>
        ))}
      </div>
      <label htmlFor={id}>Script, JSON</label>
      <textarea
        id={id}
        rows={9}
        spellCheck={false}
        value={wish.script}
        aria-invalid={mistake !== ""}
        aria-describedby={`${id}-mistake`}
        onChange={(event) => change({ script: event.target.value })}
      />
      <p id={`${id}-mistake`} className="wrong" role="status">
        {mistake}
      </p>
    </div>
  );
}

function mistakeIn(script: string): string {
  try {
    readScript(script);
    return "";
  } catch (error) {
    if (error instanceof NotARequest) return error.message;
    throw error;
  }
}
