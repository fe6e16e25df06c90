// SPDX-License-Identifier: Apache-2.0

/// The page, and what it is told.
enum Page {
    /// A server-sent event; `data` is one line.
    static func event(_ name: String, _ data: String) -> String { "event: \(name)\ndata: \(data)\n\n" }

    static let html = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Live page</title>
        <style>
            :root { color-scheme: light dark; --page: light-dark(#f4f5f7, #15171a); --card: light-dark(#fff, #1e2126);
                --line: light-dark(#d9dce1, #3a3f47); --soft: light-dark(#5c6470, #9aa3af);
                --accent: light-dark(#2457d6, #7aa2ff); }
            body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page);
                font: 16px/1.5 system-ui, sans-serif; }
            main { width: min(24rem, 100vw - 5rem); padding: 1.5rem; background: var(--card);
                border: 1px solid var(--line); border-radius: 12px; }
            h1 { margin: 0; font-size: 1rem; }
            #status { color: var(--soft); font-size: .875rem; }
            #count { display: block; margin: .5rem 0; font-size: 5rem; line-height: 1.1; font-weight: 600;
                font-variant-numeric: tabular-nums; }
            button { padding: .5rem 1.25rem; font: inherit; font-weight: 600; color: light-dark(#fff, #10131a);
                background: var(--accent); border: 0; border-radius: 8px; cursor: pointer; }
            #answer { margin-left: .75rem; color: var(--soft); font-size: .875rem; }
            ol { height: 9rem; overflow-y: auto; scrollbar-width: thin; margin: 1.25rem 0 0; padding: .75rem 0 0;
                list-style: none; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem; }
        </style>
        <main>
            <h1>An actor's number</h1>
            <div id="status">connecting</div>
            <output id="count">–</output>
            <button>Add one</button><span id="answer"></span>
            <ol id="log"></ol>
        </main>
        <script>
            const element = (id) => document.getElementById(id);
            const show = (count, how) => {
                const line = document.createElement("li");
                line.textContent = how;
                element("log").prepend(line);
                element("count").textContent = count;
            };
            const events = new EventSource("/events");
            const on = (name, act) => events.addEventListener(name, ({ data }) => act(data));
            on("status", (text) => { element("status").textContent = text; });
            on("snapshot", (count) => show(count, `it is ${count}, read from the actor`));
            on("count", (count) => show(count, `it became ${count}, by an event`));
            events.onerror = () => { element("status").textContent = "the web server is gone"; };
            document.querySelector("button").onclick = async () => {
                // The number itself comes as an event, to every page.
                const answer = await fetch("/increment", { method: "POST" }).catch(() => null);
                element("answer").textContent = answer?.ok ? "" : await answer?.text() ?? "the web server is gone";
            };
        </script>
        </html>
        """
}
