package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	errStopped    = errors.New("stopped")
	stopRequested = make(chan struct{})
)

// many is a flag that may be given several times.
type many []string

func (m *many) String() string     { return strings.Join(*m, " ") }
func (m *many) Set(v string) error { *m = append(*m, v); return nil }

type options struct {
	dir                              string
	node                             bool
	nodeName                         string
	fake                             int
	metrics                          bool
	stdin                            bool
	remove                           bool
	images                           many
	apiserver, manager, sched, kubel many
	timeout                          time.Duration
}

func parseUp(args []string) *options {
	o := &options{}
	f := flag.NewFlagSet("up", flag.ExitOnError)
	f.StringVar(&o.dir, "dir", "", "state directory: kubeconfig, pki/, log/ (required; emptied of old state first)")
	f.BoolVar(&o.node, "node", false, "also run containerd, kubelet, kube-proxy and DNS in namespaces of their own")
	f.IntVar(&o.fake, "fake-nodes", 0, "without --node: make N nodes on which pods only seem to run")
	f.BoolVar(&o.metrics, "metrics", false, "serve metrics.k8s.io and external.metrics.k8s.io (see metrics.go)")
	f.BoolVar(&o.stdin, "until-stdin-closes", false, "also stop at the end of standard input, so that a test run that dies takes this along")
	f.BoolVar(&o.remove, "remove", false, "remove the state directory at the end, logs included")
	f.StringVar(&o.nodeName, "node-name", "node1", "name of the node")
	f.Var(&o.images, "image", "image archive to import before the node starts (repeatable)")
	f.Var(&o.apiserver, "apiserver-arg", "extra kube-apiserver flag (repeatable); likewise the next three")
	f.Var(&o.manager, "controller-manager-arg", "")
	f.Var(&o.sched, "scheduler-arg", "")
	f.Var(&o.kubel, "kubelet-arg", "")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "give up when not ready by then")
	_ = f.Parse(args)
	if o.dir == "" || f.NArg() > 0 {
		f.Usage()
		os.Exit(2)
	}
	dir, err := filepath.Abs(o.dir)
	check(err)
	o.dir = dir
	if len(dir) > 80 {
		check(fmt.Errorf("--dir is %d characters long; socket paths below it need 80 or fewer", len(dir)))
	}
	return o
}

// ready is the one line that up prints on standard output.
type ready struct {
	Kubeconfig string `json:"kubeconfig"`
	Server     string `json:"server"`
	PID        int    `json:"pid"`
	Seconds    string `json:"seconds"`
	NetNS      string `json:"netns,omitempty"`
	Containerd string `json:"containerd,omitempty"`
}

func upMain(args []string) int {
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	var once sync.Once
	stop := func() { once.Do(func() { close(stopRequested) }) }
	go func() { <-sig; stop() }()

	o := parseUp(args)
	if os.Getenv(innerEnv) != "" {
		return innerMain(o)
	}
	if o.stdin {
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	}
	begin := time.Now()
	for _, d := range []string{"pki", "log", "run", "etcd", "node", "kubeconfig"} {
		check(os.RemoveAll(filepath.Join(o.dir, d)))
	}
	check(os.MkdirAll(filepath.Join(o.dir, "run"), 0o755))
	if o.node {
		return outerMain(o, begin)
	}

	s := newSupervisor(o.dir)
	defer o.sweep()
	defer s.stop()
	c := &controlPlane{s: s, o: o, address: "127.0.0.1", port: freePort("127.0.0.1")}
	c.host = c.url()
	if o.fake > 0 { // they send no heartbeats
		o.manager = append(many{"--controllers=*,-node-lifecycle-controller,-taint-eviction-controller"}, o.manager...)
	}
	c.up()
	if o.fake > 0 {
		c.fakeNodes(o.fake)
	}
	c.waitDefaults()
	announce(ready{Kubeconfig: c.path("kubeconfig"), Server: c.url(), PID: os.Getpid()}, begin)
	s.wait()
	return 0
}

func announce(r ready, begin time.Time) {
	r.Seconds = strconv.FormatFloat(time.Since(begin).Seconds(), 'f', 2, 64)
	b, err := json.Marshal(r)
	check(err)
	fmt.Println(string(b))
}

// sweep removes what is worth nothing after the run; logs and certificates stay unless told otherwise.
func (o *options) sweep() {
	if o.remove {
		_ = os.RemoveAll(o.dir)
		return
	}
	for _, d := range []string{"etcd", "node", "run"} {
		_ = os.RemoveAll(filepath.Join(o.dir, d))
	}
}

// wait returns when a stop is asked for, and fails when a component dies.
func (s *supervisor) wait() {
	select {
	case <-stopRequested:
	case p := <-s.died:
		check(p.failed())
	}
}

func freePort(host string) int {
	l, err := net.Listen("tcp", host+":0")
	check(err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// controlPlane is etcd, kube-apiserver, kube-controller-manager and kube-scheduler.
type controlPlane struct {
	s       *supervisor
	o       *options
	address string // what kube-apiserver listens on
	port    int
	host    string // server URL for D/kubeconfig
	ca      *authority
	client  *kubernetes.Clientset
}

func (c *controlPlane) path(p ...string) string {
	return filepath.Join(append([]string{c.o.dir}, p...)...)
}
func (c *controlPlane) url() string { return fmt.Sprintf("https://%s:%d", c.address, c.port) }

const (
	issuer      = "https://kubernetes.default.svc.cluster.local"
	serviceCIDR = "10.96.0.0/16"
)

func (c *controlPlane) up() {
	c.ca = newAuthority(c.path("pki"))
	c.ca.issue("apiserver", "kube-apiserver", "", c.address, "127.0.0.1", "10.96.0.1", "localhost",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	c.ca.issue("admin", "kubernetes-admin", "system:masters")
	c.ca.issue("controller-manager", "system:kube-controller-manager", "")
	c.ca.issue("scheduler", "system:kube-scheduler", "")
	c.ca.issue("front-proxy", "front-proxy-client", "")
	c.ca.kubeconfig(c.path("kubeconfig"), c.host, "admin")
	for _, n := range []string{"admin", "controller-manager", "scheduler"} {
		c.ca.kubeconfig(c.ca.file(n+".kubeconfig"), c.url(), n)
	}

	// Unix sockets: no ports to choose, and nobody else can reach it.
	etcd := "unix://" + c.path("run", "etcd.sock")
	label := "http://127.0.0.1:2380" // advertised URLs must be host:port, but nobody calls them
	c.s.self("etcd", "--name=testbed", "--data-dir="+c.path("etcd"),
		"--listen-client-urls="+etcd, "--advertise-client-urls="+label,
		"--listen-peer-urls=unix://"+c.path("run", "peer.sock"), "--initial-advertise-peer-urls="+label, "--initial-cluster=testbed="+label,
		"--log-level=warn", "--unsafe-no-fsync") // tests: no need to survive a power cut

	args := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=" + c.address, "--advertise-address=" + c.address, "--secure-port=" + strconv.Itoa(c.port),
		"--tls-cert-file=" + c.ca.file("apiserver.crt"), "--tls-private-key-file=" + c.ca.file("apiserver.key"),
		"--client-ca-file=" + c.ca.file("ca.crt"),
		"--service-account-key-file=" + c.ca.file("sa.pub"), "--service-account-signing-key-file=" + c.ca.file("sa.key"),
		"--service-account-issuer=" + issuer, "--service-cluster-ip-range=" + serviceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--kubelet-client-certificate=" + c.ca.file("admin.crt"), "--kubelet-client-key=" + c.ca.file("admin.key"),
		"--kubelet-certificate-authority=" + c.ca.file("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		// aggregated API servers (a metrics API, say)
		"--requestheader-client-ca-file=" + c.ca.file("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.ca.file("front-proxy.crt"), "--proxy-client-key-file=" + c.ca.file("front-proxy.key"),
		"--profiling=false",
	}
	if c.address == "127.0.0.1" {
		// a loopback address may not stand in the Endpoints of Service "kubernetes"
		args = append(args, "--endpoint-reconciler-type=none")
	}
	c.s.self("apiserver", append(args, c.o.apiserver...)...)

	cfg, err := clientcmd.BuildConfigFromFlags("", c.ca.file("admin.kubeconfig"))
	check(err)
	cfg.QPS = -1
	c.client, err = kubernetes.NewForConfig(cfg)
	check(err)
	c.s.until("kube-apiserver", c.o.timeout, func() error {
		ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
		defer done()
		return c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})

	// Only now: the controller-manager exits when the RBAC roles are not there yet.
	kc := c.ca.file("controller-manager.kubeconfig")
	c.s.self("controller-manager", append([]string{
		"--kubeconfig=" + kc, "--secure-port=0", "--leader-elect=false",
		"--root-ca-file=" + c.ca.file("ca.crt"), "--service-account-private-key-file=" + c.ca.file("sa.key"),
		"--cluster-signing-cert-file=" + c.ca.file("ca.crt"), "--cluster-signing-key-file=" + c.ca.file("ca.key"),
		"--use-service-account-credentials=true", "--horizontal-pod-autoscaler-sync-period=3s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=0s", "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
		"--kube-api-qps=1000", "--kube-api-burst=2000", // the default of 20/s costs 4 s at start
		"--profiling=false",
	}, c.o.manager...)...)
	kc = c.ca.file("scheduler.kubeconfig")
	c.s.self("scheduler", append([]string{
		"--kubeconfig=" + kc, "--secure-port=0", "--leader-elect=false", "--profiling=false",
		"--kube-api-qps=1000", "--kube-api-burst=2000",
	}, c.o.sched...)...)
	if c.o.metrics {
		c.serveMetrics()
	}
}

// waitDefaults waits for the first things that controllers make.
func (c *controlPlane) waitDefaults() {
	ctx := context.Background()
	c.s.until("ServiceAccount default/default", c.o.timeout, func() error {
		_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		if err == nil {
			_, err = c.client.CoreV1().ConfigMaps("default").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		}
		return err
	})
}
