package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// A served is a "wallet serve" under way.
type served struct {
	t           *testing.T
	cmd         *exec.Cmd
	host, token string
	log         strings.Builder
}

func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)}
	s.cmd.Env = append(os.Environ(), "WALLET_COMMAND=1")
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	api := strings.Fields(lines.Text() + " - -")[1]
	s.host = strings.TrimSuffix(api, "/v1/commerce/billing")
	lines.Scan()
	if want := "Page   " + s.host + "/"; !strings.HasPrefix(s.host, "http://127.0.0.1:") || lines.Text() != want {
		t.Fatalf("API at %q, then %q", api, lines.Text())
	}
	if strings.Contains(strings.Join(args, " "), "--token-file") {
		return s
	}
	lines.Scan()
	s.token = strings.TrimPrefix(lines.Text(), "Token  ")
	return s
}

// stop ends it as an operator would.
func (s *served) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("%v: %s", err, &s.log)
	}
}

func (s *served) ask(method, path, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.host+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatalf("%v: %s", err, &s.log)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wallets.db")
	s := startServe(t, "--db", file)
	if len(s.token) < 20 {
		t.Fatalf("token %q", s.token)
	}
	const api = "/v1/commerce/billing"
	status, made := s.ask("POST", api+"/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"1","granted_credits":"5"}`)
	if status != 200 || !strings.Contains(made, `"available_credits":"5.0"`) {
		t.Fatal(status, made)
	}
	if status, body := s.ask("GET", "/healthz", ""); status != 200 || body != "ok\n" {
		t.Error(status, body)
	}
	if status, body := s.ask("GET", "/", ""); status != 401 || !strings.Contains(body, "Sign in") { // a bearer token is not for pages
		t.Error(status, body)
	}
	page, err := http.NewRequestWithContext(t.Context(), "GET", s.host+"/?customer=acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	page.SetBasicAuth("me", s.token)
	resp, err := http.DefaultClient.Do(page)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(text), "Wallets of acme") || strings.Contains(string(text), `method="post"`) {
		t.Errorf("%s", text)
	}
	good := s.token
	s.token = "guess"
	if status, body := s.ask("GET", api+"/wallets", ""); status != 401 {
		t.Error(status, body)
	}

	// A request under way is answered before it ends.
	body := `{"external_customer_id":"late","currency":"USD","rate_amount":"1"}`
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.host, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s/wallets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
		api, good, len(body))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // it waits for the body
		t.Fatal(line, err)
	}
	answers.ReadString('\n')
	s.cmd.Process.Signal(syscall.SIGTERM)
	io.WriteString(conn, body)
	late, err := http.ReadResponse(answers, nil)
	if err != nil || late.StatusCode != 200 {
		t.Error(late, err)
	}
	s.stop()
	for _, want := range []string{"path=/v1/commerce/billing/wallets status=200", "status=401", "debug_id=" + late.Header.Get("Paypal-Debug-Id")} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, &s.log)
		}
	}
	if strings.Contains(s.log.String(), good) {
		t.Error("the token is in the log")
	}

	// What was written is there again; the token can be one's own.
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServe(t, "--db", file, "--token-file", token)
	s.token = "mine"
	if status, body := s.ask("GET", api+"/wallets", ""); status != 200 || !strings.Contains(body, `"total_count":2`) {
		t.Error(status, body)
	}
	s.stop()

	if err := os.WriteFile(token, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, "missing flags"},
		{[]string{"serve", "--db", file, "--token-file", token}, "not one token"},
		{[]string{"serve", "--db", file, "--addr", "nowhere"}, "nowhere"},
	} {
		if _, stderr, ok := command(t, c.args...); ok || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %t %s", c.args, ok, stderr)
		}
	}
}

// Requests of one connection may work for a while each, and none for too long.
func TestWorkTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &slow{Store: memory.New()}
		listener := make(pipes)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- serve{}.run(ctx, listener, engine.New(db, nil), "secret", slog.New(slog.DiscardHandler))
		}()
		dial := func() (ask func(takes time.Duration) (status int, closes bool, took time.Duration)) {
			server, client := net.Pipe()
			listener <- server
			answers := bufio.NewReader(client)
			return func(takes time.Duration) (int, bool, time.Duration) {
				db.takes.Store(int64(takes))
				start := time.Now()
				io.WriteString(client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
				answer, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, answer.Body)
				return answer.StatusCode, answer.Close, time.Since(start)
			}
		}
		for range 2 { // what one connection met says nothing of the next
			ask := dial()
			for range 3 {
				if status, closes, took := ask(workTimeout - 1); status != 200 || closes || took != workTimeout-1 {
					t.Errorf("%d after %v; closes: %t", status, took, closes)
				}
				time.Sleep(idleTimeout - 1)
			}
			if status, closes, took := ask(time.Hour); status != 503 || !closes || took != workTimeout {
				t.Errorf("%d after %v; closes: %t", status, took, closes)
			}
		}
		db.stubborn.Store(true)
		if status, closes, took := dial()(workTimeout + 1); status != 200 || !closes || took != workTimeout+1 {
			t.Errorf("%d after %v; closes: %t", status, took, closes)
		}
		db.stubborn.Store(false)
		db.takes.Store(0)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A slow store takes its time to look, unless the context ends and it is not stubborn.
type slow struct {
	store.Store
	takes    atomic.Int64
	stubborn atomic.Bool
}

func (s *slow) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.stubborn.Load() {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(s.takes.Load())):
		return s.Store.View(ctx, fn)
	}
}

// pipes is a listener to connections within the process.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// The README's commands do what it says, against a server of their own.
func TestReadmeCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "```sh\nAPI=http://127.0.0.1:8080")
	script, _, ok2 := strings.Cut(after, "```")
	if !ok || !ok2 {
		t.Fatal("the README has no commands")
	}
	s := startServe(t, "--db", filepath.Join(t.TempDir(), "wallets.db"))
	defer s.stop()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(s.token), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", "API="+s.host+script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`"transaction_status":"PURCHASED"`, `"transaction_status":"VOIDED"`, `"kind":"CONSUMED"`, `"total_count":4`,
		`"metadata":{"total_count":1`, `"name":"Updated Prepaid Wallet"`, `"status":"TERMINATED"`} {
		_, after, ok := strings.Cut(string(out), want)
		if !ok {
			t.Fatalf("no %s (in this order) in\n%s", want, out)
		}
		out = []byte(after)
	}
}
