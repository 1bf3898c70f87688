// What the HTTP API answers, as far as the console reads it (docs/http.md, /openapi.json).

export interface Estimate { low: number; high: number }

export interface Waiting {
  reason: string;
  since: string;
  detail: string;
  place: number | null;
  holder: string | null;
  estimate: Estimate | null;
  remedy: string;
}

export interface Task {
  task_id: string;
  status: string;
  progress: number;
  created_at: string | null;
  updated_at: string | null;
  completed_at: string | null;
  failed_at: string | null;
  error: string | null;
  result: unknown;
  result_bytes?: number;
  actor?: string | null;
  queue?: string | null;
  worker?: string | null;
  attempt?: number | null;
  stage?: string | null;
  waiting: Waiting | null;
  [field: string]: unknown;
}

export interface Session { needs_key: boolean; name: string | null; scopes: string[]; ends_at: string | null }

export interface TaskPage { tasks: Task[]; scanned: number; total: number; next_cursor: string | null; messages_scanned?: number; messages_total?: number }

export interface Because { reason: string; count: number }
export interface Many { matched: number; done: number; skipped: Because[]; failed: Because[]; scanned: number; total: number; next_cursor: string | null; at: string }

export interface ErrorGroup { error: string; count: number; newest: string; newest_task: string | null; newest_at: string; newest_text: string; actors: string[]; queues: string[] }
export interface ErrorGroups { groups: ErrorGroup[]; left_out: number; scanned: number; total: number; next_cursor: string | null }

export interface HistoryStep { at: string; ended: number; failed: number; started: number; mean_wait: number | null; cpu_percent: number | null; memory_percent: number | null }
export interface History { span: string; step_seconds: number; kept: number; steps: HistoryStep[] }

export interface Phase { name: string; from: string; to: string | null; detail: string }
export interface Attempt { number: number; worker: string | null; host: string | null; phases: Phase[]; error: string | null }
export interface Timeline { attempts: Attempt[] }

export interface HeldTask { task_id: string; actor: string; state: string; reason: string; since: string; model: string; detail: string; began: string }

export interface Host {
  host: string;
  cpu_percent: number | null;
  memory_percent: number | null;
  gpu_percent: number | null;
  concurrent_tasks: number;
  max_cpu_percent: number;
  max_memory_percent: number;
  max_gpu_percent: number;
  max_concurrent_tasks: number;
  reason: string;
  detail: string;
  workers: string[];
  tasks: HeldTask[];
}
export interface Usage { hosts: Host[] }

export interface CachedModel {
  id: string; state: string; host: string; worker_id: string; users: number; waiting: number; memory_bytes: number; expires_at: string | null; error: string;
}
export interface Cache { size: number; max_size: number; memory_bytes: number; max_memory_bytes: number; models: CachedModel[] }

export interface Queue { name: string; state: string; ready: number; delayed: number; running: number; dead: number; workers: number }

export interface TaskChange { task_id: string; status: string; progress: number; attempt: number; actor: string | null; queue: string | null }

export interface Model {
  id: string; kind: string; host: string; is_default: boolean; demo: boolean; memory_bytes: number; loaded: boolean; fits: boolean | null; calibration: string; problem: string; notes: string; licence: string;
}
export interface Models { models: Model[]; unknown: { worker_id: string; host: string }[] }

export interface Limits {
  max_cpu_percent: number; max_memory_percent: number; max_gpu_percent: number; max_concurrent_tasks: number;
  origin: Record<string, string>;
}

export interface Span { role: string; begin: number; end: number; text: string }

export interface Verdict {
  verdict: string; contradiction_score: number; contradiction_type: string; confidence: string; explanation: string;
  context_differences: string[]; warnings: string[]; model: { id: string; demo: boolean } | null; calibrated: boolean; duration: number;
  details: Record<string, { evidence1?: Span[]; evidence2?: Span[] }>;
}

export interface Side { article_id: string; title: string; claim: string; evidence: Span[] }
export interface Pair { claim1: Side; claim2: Side; contradiction_score: number; contradiction_type: string; confidence: string; explanation: string; context_differences: string[] }
export interface Question { id: number; exposure: string; outcome: string; articles: number; more: number; less: number; no_difference: number; undirected: number; contradictions: number; agreements: number }
export interface Analysis {
  total_articles: number; total_findings: number; pairs_compared: number; not_compared: number; agreements: number; threshold: number;
  contradictions: Pair[]; questions: Question[]; warnings: string[]; duration: number;
}

export interface Embeddings { dimension: number; total_texts: number; duration: number; model: { id: string; demo: boolean } | null; warnings: string[] }

export interface References { articles: { title: string; abstract: string }[]; duplicates: unknown[]; warnings: { line: number; detail: string }[]; format: string }

export interface Live {
  connected: boolean;
  since: string;
  usage: Usage | null;
  cache: Cache | null;
  queues: Map<string, Queue>;
}
