import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

/** The page is opened as `?agent=…&server=…&chat=…`. */
const query = new URLSearchParams(location.search);
const agent = query.get('agent') ?? 'background-task-agent';
const transport = new DefaultChatTransport({ api: `${query.get('server') ?? ''}/agents/${agent}/chat` });

function Part({ part }) {
  if (part.type === 'text') return <p>{part.text}</p>;
  if (part.type === 'reasoning') return <em>{part.text}</em>;
  if (part.type === 'source-url') return <a href={part.url}>{part.title ?? part.url}</a>;
  if (part.type === 'file') return <img src={part.url} alt="" />;
  if (part.type.startsWith('tool-')) return <code>{`${part.type}: ${JSON.stringify(part.output)}`}</code>;
  return null;
}

function Chat() {
  const [text, setText] = useState('');
  const { messages, sendMessage, status, error } = useChat({
    id: query.get('chat') ?? undefined,
    transport,
    resume: query.has('chat'),
  });
  const submit = (event) => {
    event.preventDefault();
    void sendMessage({ text });
    setText('');
  };
  return (
    <main data-status={status}>
      {messages.map(({ id, role, parts }) => (
        <article key={id} className={role}>
          {parts.map((part, index) => (
            <Part key={index} part={part} />
          ))}
        </article>
      ))}
      {error && <strong role="alert">{error.message}</strong>}
      <form onSubmit={submit}>
        <input aria-label="Question" value={text} onChange={(event) => setText(event.target.value)} />
        <button>Send</button>
      </form>
    </main>
  );
}

createRoot(document.getElementById('chat')).render(<Chat />);
