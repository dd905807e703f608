package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"pushd/internal/rig"
)

// hostPassword opens the sample host's login stub.
const hostPassword = "demo"

// host is the sample PHP host under php -S.
type host struct {
	url     string
	missing string // why there is none
	cmd     *exec.Cmd
	ended   chan struct{}
}

// startHost starts the sample host where php is installed. Without it the
// demo shows the rest.
func (s *show) startHost(ctx context.Context) (*host, error) {
	php, err := exec.LookPath("php")
	if err != nil {
		return &host{missing: "php is not installed (Debian: apt-get install php-cli php-curl php-sqlite3 php-mysql)"}, nil
	}
	for _, file := range []string{"deploy/php/schema.sql", "deploy/php/host/schema.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return &host{missing: "start the demo at the root of the repository to see it"}, nil
		}
		if err := s.Load(ctx, string(text)); err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
	}
	if _, err := s.DB.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (uin, edition) VALUES (?, 3)", s.Quote("user")), actID); err != nil {
		return nil, fmt.Errorf("make the owner: %w", err)
	}
	listener, err := s.Sim.Start() // without TLS: a browser is to show its QR codes
	if err != nil {
		return nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	h := &host{url: "http://" + address, ended: make(chan struct{})}
	h.cmd = exec.Command(php, "-S", address, "deploy/php/host/index.php")
	dsn, user := s.PDO()
	h.cmd.Env = append(os.Environ(), "PHP_CLI_SERVER_WORKERS=4",
		"PUSHD_DB_DSN="+dsn, "PUSHD_DB_USER="+user, "PUSHD_URL="+s.URL, "PUSHD_API_KEY="+s.Key, "PUSHD_TOKEN_KEY="+rig.TokenKey,
		"PUSHD_WECHAT_URL="+listener.URL, "PUSHD_QR_URL="+listener.URL, "PUSHD_BASE_URL="+h.url,
		"PUSHD_HOST_SECRET=only-for-the-demo-0123456789abcdef", "PUSHD_HOST_PASSWORD="+hostPassword)
	ownGroup(h.cmd)
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start php: %w", err)
	}
	go func() {
		defer close(h.ended)
		_ = h.cmd.Wait()
	}()
	return h, h.await(ctx)
}

// openGate gives the owner's account a secret, without which the sample host lets
// nobody make a channel. The simulator takes any.
func (s *show) openGate(ctx context.Context) error {
	if _, err := s.DB.ExecContext(ctx, "UPDATE user_wx_account SET app_secret = 'demo' WHERE appid = ?", appID); err != nil {
		return fmt.Errorf("give the account a secret: %w", err)
	}
	return nil
}

// await waits until the host answers.
func (h *host) await(ctx context.Context) error {
	for range 200 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/login", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			return errors.Join(fmt.Errorf("the sample host answers %s", resp.Status), h.stop())
		}
		select {
		case <-h.ended:
			h.missing = "php -S does not run here"
			return nil
		case <-ctx.Done():
			return errors.Join(ctx.Err(), h.stop())
		case <-time.After(25 * time.Millisecond):
		}
	}
	return errors.Join(errors.New("the sample host does not answer"), h.stop())
}

// stop ends php and its workers.
func (h *host) stop() error {
	if h.cmd == nil || h.cmd.Process == nil {
		return nil
	}
	err := endGroup(h.cmd)
	<-h.ended
	return err
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
