import { BoardPage } from "../src/board/BoardPage.tsx";

export default function Page() {
  return (
    <main>
      <header className="top">
        <h1>streamspec</h1>
        <p>
          The same stream from each server, live. Press Stop, and see what <code>/streams</code> tells of the producer.
        </p>
      </header>
      <BoardPage />
    </main>
  );
}
