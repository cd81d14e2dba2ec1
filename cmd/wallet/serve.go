package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/rest"
	"github.com/seed-12493b23/wallet/rest/console"
)

type serve struct {
	kept
	Addr      string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen. Default: 127.0.0.1:8080."`
	TokenFile string `placeholder:"FILE" help:"File with the bearer token that requests need. Default: a new one, which is printed."`
	Changes   bool   `help:"Let the page top up, void, settle and terminate. Default: it only reads."`
}

func (serve) Help() string {
	return `Serves the HTTP API under /v1/commerce/billing, the page to look at wallets at /, and /healthz. The API wants the token as "Authorization: Bearer …", the page as a password, with any user name. Each request is logged on the standard error output with the debug_id that its answer has. An interrupt ends it, once the requests under way are answered.

Examples:

  wallet serve --db wallets.db                           with a new token
  wallet serve --db wallets.db --token-file token        with a token of your own
  wallet serve --dsn postgres://wallet@dbhost/billing    on Postgres; PGPASSWORD may have the
                                                         password`
}

// How long things may take.
const (
	headTimeout     = 5 * time.Second  // a request's header
	bodyTimeout     = 15 * time.Second // a request
	workTimeout     = 20 * time.Second // what it asks for
	answerTimeout   = 30 * time.Second // all of it, until the answer is sent
	idleTimeout     = 2 * time.Minute  // between two requests of a connection
	shutdownTimeout = 15 * time.Second
	tickEvery       = time.Minute
)

// garbage is how much may gather, in percent of what is in use, which is so little that it would be collected all the time.
const garbage = 400

func (s serve) Run(ctx context.Context) (err error) {
	secret, made, err := s.token()
	if err != nil {
		return err
	}
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	eng := engine.New(db, &engine.Options{Logger: logger})
	fmt.Printf("API    http://%s%s\nPage   http://%[1]s/\n", listener.Addr(), rest.Base)
	if made {
		fmt.Println("Token ", secret)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	return s.run(ctx, listener, eng, secret, logger)
}

// run serves, and brings wallets up to date, until the context ends; then it waits for what is under way.
func (s serve) run(ctx context.Context, listener net.Listener, eng *engine.Engine, secret string, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           s.handler(eng, secret, logger),
		ReadHeaderTimeout: headTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 64 << 10, ConnContext: withPatience,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	ctx, stop := context.WithCancel(ctx)
	var ticking sync.WaitGroup
	ticking.Go(func() { eng.Run(ctx, tickEvery) }) // it logs its errors
	defer ticking.Wait()
	defer stop()

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	patience, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer done()
	return server.Shutdown(patience)
}

// token returns the token of the file, or a new one.
func (s serve) token() (secret string, made bool, err error) {
	if s.TokenFile == "" {
		return rand.Text(), true, nil
	}
	text, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return "", false, err
	}
	if secret = strings.TrimSpace(string(text)); secret == "" || strings.ContainsAny(secret, " \t\r\n") {
		return "", false, fmt.Errorf("--token-file %s: there is not one token in it", s.TokenFile)
	}
	return secret, false, nil
}

func (s serve) handler(eng *engine.Engine, secret string, logger *slog.Logger) http.Handler {
	token := rest.Token{Secret: secret}
	all := console.Actions{TopUp: s.Changes, Void: s.Changes, Settle: s.Changes, Terminate: s.Changes}
	mux := http.NewServeMux()
	mux.Handle(rest.Base+"/", rest.New(eng, &rest.Options{Authorize: rest.Bearer(token), Logger: logger}))
	mux.Handle("/{$}", console.New(eng, &console.Options{Authorize: rest.Basic(token), Allow: all, Logger: logger}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		for _, err := range eng.Wallets(r.Context(), wallet.WalletQuery{Limit: 1}) {
			if err != nil {
				logger.Error("healthz", "error", err)
				http.Error(w, "unavailable", http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
	return logged(mux, logger)
}

// logged logs each request with how it was answered, and lets none work for too long.
func logged(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &seenWriter{ResponseWriter: w, status: http.StatusOK}
		if end, ok := r.Context().Value(patience{}).(*time.Timer); ok {
			end.Reset(workTimeout)
			defer end.Stop()
			seen.end = end
		}
		defer func() {
			now := time.Now()
			record := slog.NewRecord(now, slog.LevelInfo, "request", 0) // a logger would look up, at a cost, where in the source this is
			record.AddAttrs(slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", seen.status), slog.Int("bytes", seen.bytes), slog.Duration("took", now.Sub(start)),
				slog.String("remote", r.RemoteAddr), slog.String("debug_id", w.Header().Get(rest.DebugIDHeader)))
			logger.Handler().Handle(r.Context(), record)
		}()
		next.ServeHTTP(seen, r)
	})
}

// patience is the key of a connection's timer.
type patience struct{}

// withPatience gives a connection a timer, which ends what is asked for on it. One for all its requests costs less than one for
// each; a connection that has met it is closed.
func withPatience(ctx context.Context, _ net.Conn) context.Context {
	ctx, end := context.WithCancel(ctx)
	return context.WithValue(ctx, patience{}, time.AfterFunc(workTimeout, end))
}

// seenWriter remembers what was answered. With the head of an answer, what was asked for is done; if it took too long, nothing else
// can be asked for on the connection.
type seenWriter struct {
	http.ResponseWriter
	end           *time.Timer
	begun         bool
	status, bytes int
}

func (w *seenWriter) WriteHeader(status int) {
	w.begun, w.status = true, status
	if w.end != nil && !w.end.Stop() {
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *seenWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

func (w *seenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
