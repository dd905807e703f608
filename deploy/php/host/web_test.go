package host_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"

	"pushd/deploy/php/phptest"
	"pushd/internal/daemon"
	"pushd/internal/mariadb"
	"pushd/internal/rig"
)

// dbPassword is that of PHP's database account.
const dbPassword = "marked-database-password"

// callbackSecret is what the tokens of the callbacks derive from.
const callbackSecret = "marked-callback-secret-0123456789"

// callbackQuery is PUSHD_CALLBACK_QUERY.
const callbackQuery = "SELECT token_version FROM host_contact WHERE appid = ?"

// webServer is a MariaDB that is reached by TCP and with accounts, for a PHP that
// runs as www-data. It is started by the first test that wants it.
var webServer struct {
	once sync.Once
	*mariadb.Server
	address string
	err     error
}

func webDatabase(t *testing.T) *mariadb.Server {
	t.Helper()
	webServer.once.Do(func() {
		webServer.address = phptest.FreeAddress(t)
		_, port, _ := net.SplitHostPort(webServer.address)
		webServer.Server, webServer.err = mariadb.Start(context.Background(), mariadb.WithGrants(),
			mariadb.WithArgs("--skip-networking=0", "--bind-address=127.0.0.1", "--port="+port))
	})
	if webServer.err != nil {
		t.Fatal(webServer.err)
	}
	return webServer.Server
}

// webSite is a site that PHP reaches by TCP, and what it is set to.
type webSite struct {
	*site
	web      *phptest.Web
	address  string // of nginx
	settings phptest.Settings
}

// newWeb is a site behind nginx and php-fpm, as the documents set them up: its
// token endpoint is there, too, and nginx mirrors the callback.
func newWeb(t *testing.T, followers int, o phptest.WebOptions) *webSite {
	t.Helper()
	w := newWebSite(t, followers)
	w.open(t, o)
	return w
}

// newWebSite is one without a web server.
func newWebSite(t *testing.T, followers int) *webSite {
	t.Helper()
	w := &webSite{site: bareSite(t, followers), address: phptest.FreeAddress(t)}
	srv := webDatabase(t)
	var database string
	w.start(srv, func(c *daemon.Config) {
		database = w.tables(srv, c)
		c.Tokens.URL = "http://" + w.address + "/wechat/token.php"
		c.Store.AudienceQuery = audience
		c.CallbackSecret = callbackSecret
		c.Store.CallbackQuery = callbackQuery
	})
	for user, rights := range map[string]string{database + "_php": "SELECT, INSERT, UPDATE, DELETE", database + "_migrate": "ALL"} {
		if err := srv.Exec(t.Context(), database, fmt.Sprintf("CREATE USER %[1]s@127.0.0.1 IDENTIFIED BY '%[2]s'; GRANT %[3]s ON `%[4]s`.* TO %[1]s@127.0.0.1;",
			user, dbPassword, rights, database)); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(webServer.address)
	w.settings = phptest.Settings{
		"db_dsn": fmt.Sprintf("mysql:host=127.0.0.1;port=%s;dbname=%s;charset=utf8mb4", port, database), "db_user": database + "_php", "db_password_file": dbPassword,
		"url": w.Rig.URL, "api_key_file": rig.APIKey, "token_key_file": rig.TokenKey, "wechat_url": w.wx.URL, "qr_url": w.wx.URL,
		"host_secret_file": hostSecret, "host_password_file": password, "callback_secret_file": callbackSecret, "base_url": public, "receipts": "false",
	}
	return w
}

// open starts its web server for a test. nginx mirrors the callback, unless PHP is
// to hand receipts on.
func (w *webSite) open(t *testing.T, o phptest.WebOptions) {
	t.Helper()
	settings := maps.Clone(w.settings)
	maps.Copy(settings, o.Settings)
	o.Address, o.Settings = w.address, settings
	if settings["receipts"] == "false" {
		o.Pushd = strings.TrimPrefix(w.Rig.URL, "http://")
	}
	w.web = phptest.NewWeb(t, o)
	w.php, w.host = w.web.Host(), w.web.URL
}
