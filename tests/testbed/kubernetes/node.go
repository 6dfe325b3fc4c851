package main

// Layer 2: one real node. Everything that would mark the machine happens in new
// network, mount, PID, IPC and UTS namespaces: the bridge and iptables rules, the
// mounts below /run and /var, the kernel settings that kubelet wants. Ending
// the first process of the PID namespace ends every container and undoes all of it;
// only cgroups are left to remove. The network namespace has no way out: neither
// pods nor the control plane can reach anything beyond it.

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	innerEnv   = "KUBE_TESTBED_INNER" // server URL for the host's kubeconfig
	nodeIP     = "10.88.0.1"
	podCIDR    = "10.88.0.0/16"
	apiPort    = 6443
	pauseImage = "kubernetes-testbed/pause:1"
)

// kubelet would write these; read-only stand-ins are laid over them instead.
var sysctls = map[string]string{
	"/proc/sys/vm/overcommit_memory":      "1",
	"/proc/sys/kernel/panic":              "10",
	"/proc/sys/kernel/panic_on_oops":      "1",
	"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
	"/proc/sys/kernel/keys/root_maxbytes": "25000000",
}

// Directories that containerd, CNI and kubelet write below whatever one configures
// (/var/lib/kubelet, /var/lib/cni, /var/log/pods ...). The node sees empty ones.
var privateDirs = []string{"/run", "/var/lib", "/var/log"}

func (o *options) cgroup() string {
	return fmt.Sprintf("kubernetes-testbed-%.8x", sha256.Sum256([]byte(o.dir)))
}
func (o *options) sock() string { return filepath.Join(o.dir, "run", "containerd.sock") }

// ---- outer half: in the host's namespaces ----

func outerMain(o *options, begin time.Time) int {
	for _, p := range []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "iptables"} {
		if _, err := exec.LookPath(p); err != nil {
			check(fmt.Errorf("%w (Debian: containerd runc containernetworking-plugins iptables)", err))
		}
	}
	o.removeCgroups() // of a run that was killed
	o.makeCgroups()
	defer o.removeCgroups()
	defer o.sweep()
	for _, d := range privateDirs {
		if strings.HasPrefix(o.dir+"/", d+"/") {
			check(fmt.Errorf("--dir must not lie below %s", d))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer l.Close()
	// a unix socket crosses network namespaces: loopback here, the API server there
	go pipe(l, func() (net.Conn, error) { return net.Dial("unix", filepath.Join(o.dir, "run", "api.sock")) })
	server := "https://" + l.Addr().String()

	r, w, err := os.Pipe()
	check(err)
	exe, err := os.Executable()
	check(err)
	cmd := exec.Command(exe, append([]string{"init"}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), innerEnv+"="+server)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL, Setpgid: true,
	}
	check(cmd.Start())
	w.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	up := make(chan bool, 1)
	go func() { _, err := bufio.NewReader(r).ReadString('\n'); up <- err == nil }()
	for {
		select {
		case ok := <-up:
			if ok {
				announce(ready{Kubeconfig: filepath.Join(o.dir, "kubeconfig"), Server: server, PID: os.Getpid(),
					NetNS: fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid), Containerd: o.sock()}, begin)
			}
			up = nil
		case <-stopRequested:
			_ = cmd.Process.Kill() // returns from Wait once the whole namespace is gone
			<-ended
			return 0
		case <-ended:
			return 1 // it has said why
		}
	}
}

// pipe joins every connection that l accepts with one that dial makes.
func pipe(l net.Listener, dial func() (net.Conn, error)) {
	for {
		a, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer a.Close()
			b, err := dial()
			if err != nil {
				return
			}
			defer b.Close()
			type half interface{ CloseWrite() error }
			done := make(chan struct{})
			go func() { _, _ = io.Copy(b, a); _ = b.(half).CloseWrite(); close(done) }()
			_, _ = io.Copy(a, b)
			_ = a.(half).CloseWrite()
			<-done
		}()
	}
}

// cgroupMounts lists the cgroup v1 hierarchies, or the one v2 hierarchy.
func cgroupMounts() (v1 []string, v2 string) {
	b, err := os.ReadFile("/proc/mounts")
	check(err)
	for _, line := range strings.Split(string(b), "\n") {
		switch f := strings.Fields(line); {
		case len(f) > 2 && f[2] == "cgroup":
			v1 = append(v1, f[1])
		case len(f) > 2 && f[2] == "cgroup2":
			v2 = f[1]
		}
	}
	return
}

func (o *options) makeCgroups() {
	v1, v2 := cgroupMounts()
	if len(v1) == 0 {
		v1 = []string{v2}
	}
	for _, m := range v1 {
		dir := filepath.Join(m, o.cgroup())
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			check(err)
		}
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} { // v1: empty until written
			if b, err := os.ReadFile(filepath.Join(m, f)); err == nil {
				check(os.WriteFile(filepath.Join(dir, f), b, 0o644))
			}
		}
	}
}

func (o *options) removeCgroups() {
	v1, v2 := cgroupMounts()
	for _, m := range append(v1, v2) {
		for try := 0; try < 40; try++ {
			var dirs []string
			_ = filepath.WalkDir(filepath.Join(m, o.cgroup()), func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, p)
				}
				return nil
			})
			for i := len(dirs) - 1; i >= 0; i-- {
				_ = syscall.Rmdir(dirs[i])
			}
			if len(dirs) == 0 {
				break
			}
			if try > 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

// ---- init: process 1 of the new namespaces ----

func initMain(args []string) int {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	mount := func(src, dst, kind string, flags uintptr, data string) {
		if err := unix.Mount(src, dst, kind, flags, data); err != nil {
			fmt.Fprintf(os.Stderr, "kubernetes-testbed: mount %s: %v\n", dst, err)
			os.Exit(1)
		}
	}
	mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") // nothing leaves this namespace
	mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")  // kubelet and runc want shared mounts in it
	mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	for _, d := range privateDirs {
		mount("tmpfs", d, "tmpfs", 0, "mode=755")
	}
	check(os.MkdirAll("/run/lock", 0o755))
	for path, value := range sysctls {
		f := "/run/sysctl-" + filepath.Base(path)
		check(os.WriteFile(f, []byte(value+"\n"), 0o644))
		mount(f, path, "", unix.MS_BIND, "")
	}
	exe, err := os.Executable()
	check(err)
	pid, err := syscall.ForkExec(exe, append([]string{"kubernetes-testbed", "up"}, args...), &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2, 3},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	check(err)
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == nil && got == pid {
			return ws.ExitStatus()
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return 1
		}
	}
}

// ---- inner half: the cluster ----

func innerMain(o *options) int {
	unix.CloseOnExec(3)
	check(unix.Sethostname([]byte(o.nodeName)))
	network()
	s := newSupervisor(o.dir)
	n := func(p ...string) string { return filepath.Join(append([]string{o.dir, "node"}, p...)...) }
	for _, d := range []string{"cni", "log", "kubelet", "tmp"} {
		check(os.MkdirAll(n(d), 0o755))
	}
	c := &controlPlane{s: s, o: o, address: nodeIP, port: apiPort, host: os.Getenv(innerEnv)}

	// containerd comes up while the control plane does
	write(n("cni", "10-bridge.conflist"), cniConfig(n("ipam")))
	write(n("containerd.toml"), containerdConfig(n, o.sock()))
	path, err := exec.LookPath("containerd")
	check(err)
	s.start("containerd", path, "--config="+n("containerd.toml"))

	l, err := net.Listen("unix", filepath.Join(o.dir, "run", "api.sock"))
	check(err)
	go pipe(l, func() (net.Conn, error) { return net.Dial("tcp", nodeIP+":"+strconv.Itoa(apiPort)) })

	c.up()
	c.ca.issue("kubelet", "system:node:"+o.nodeName, "system:nodes", nodeIP, "127.0.0.1", o.nodeName)
	c.ca.issue("proxy", "system:kube-proxy", "")
	c.ca.issue("dns", "system:kube-dns", "system:masters")
	for _, x := range []string{"kubelet", "proxy", "dns"} {
		c.ca.kubeconfig(c.ca.file(x+".kubeconfig"), c.url(), x)
	}
	s.until("containerd", o.timeout, func() error {
		out, err := o.ctr("version").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	writeImage(n("pause.tar"), pauseImage, []string{"/pause"}, "", []imageFile{{"pause", 0o755, pauseProgram()}})
	for _, image := range append(many{n("pause.tar")}, o.images...) {
		out, err := o.ctr("images", "import", image).CombinedOutput()
		if err != nil {
			check(fmt.Errorf("importing %s: %w: %s", image, err, out))
		}
	}

	write(n("resolv.conf"), "nameserver "+nodeIP+"\n")
	write(n("kubelet.yaml"), kubeletConfig(o, c.ca, n))
	s.self("kubelet", append([]string{"--config=" + n("kubelet.yaml"), "--kubeconfig=" + c.ca.file("kubelet.kubeconfig"),
		"--hostname-override=" + o.nodeName, "--node-ip=" + nodeIP, "--root-dir=" + n("kubelet"), "--v=1"}, o.kubel...)...)
	write(n("proxy.yaml"), proxyConfig(o, c.ca))
	s.self("proxy", "--config="+n("proxy.yaml"))
	if dns := dnsProgram(); dns != "" {
		write(n("Corefile"), corefile(c.ca.file("dns.kubeconfig")))
		s.start("dns", dns, "-conf", n("Corefile"))
	}

	c.waitDefaults()
	s.until("node "+o.nodeName, o.timeout, func() error {
		node, err := c.client.CoreV1().Nodes().Get(context.Background(), o.nodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, k := range node.Status.Conditions {
			if k.Type == corev1.NodeReady {
				if k.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
					return nil
				}
				err = errors.New(k.Message)
			}
		}
		return fmt.Errorf("not Ready: %w", err)
	})
	_, err = os.NewFile(3, "ready").WriteString("ready\n")
	check(err)
	s.wait()
	return 0
}

func write(path, text string) { check(os.WriteFile(path, []byte(text), 0o644)) }

func (o *options) ctr(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"--address", o.sock(), "--namespace", "k8s.io"}, args...)...)
}

// network makes the bridge that is both the node's address and the pods' gateway.
func network() {
	lo, err := netlink.LinkByName("lo")
	check(err)
	check(netlink.LinkSetUp(lo))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "cni0"
	check(netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	br, err := netlink.LinkByName("cni0")
	check(err)
	addr, err := netlink.ParseAddr(nodeIP + "/16")
	check(err)
	check(netlink.AddrAdd(br, addr))
	check(netlink.LinkSetUp(br))
	// Service addresses need a route, or connect() fails before iptables sees a packet.
	_, dst, err := net.ParseCIDR(serviceCIDR)
	check(err)
	check(netlink.RouteAdd(&netlink.Route{LinkIndex: br.Attrs().Index, Dst: dst}))
	for path, v := range map[string]string{
		"/proc/sys/net/ipv4/ip_forward":                "1",
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1", // replies via Service addresses
	} {
		check(os.WriteFile(path, []byte(v), 0o644))
	}
}

// execMain runs a command in the node's network namespace: kubernetes-testbed exec NETNS -- CMD...
func execMain(args []string) int {
	if len(args) < 3 || args[1] != "--" {
		fmt.Fprintln(os.Stderr, "usage: kubernetes-testbed exec NETNS -- COMMAND...")
		return 2
	}
	runtime.LockOSThread()
	f, err := os.Open(args[0])
	check(err)
	check(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET))
	path, err := exec.LookPath(args[2])
	check(err)
	check(syscall.Exec(path, args[2:], os.Environ()))
	return 0
}

// dnsProgram finds CoreDNS (a module and program of its own) beside this program.
func dnsProgram() string {
	exe, err := os.Executable()
	check(err)
	p := filepath.Join(filepath.Dir(exe), "kubernetes-testbed-dns")
	if _, err := os.Stat(p); err != nil {
		return ""
	}
	return p
}
