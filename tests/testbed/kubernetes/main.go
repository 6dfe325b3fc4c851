// Command kubernetes-testbed is the stock Kubernetes components in one program, for tests:
//
//	kubernetes-testbed up --dir D            control plane on loopback (like envtest, with controllers)
//	kubernetes-testbed up --dir D --node     control plane and one real node in namespaces of their own
//	kubernetes-testbed image ...             write an image archive from files, without a daemon
//	kubernetes-testbed exec NETNS -- CMD     run a command in the node's network namespace
//	kubernetes-testbed {etcd|apiserver|controller-manager|scheduler|kubelet|proxy|kubectl} FLAGS...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	_ "time/tzdata" // CronJob time zones

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// The main goroutine keeps the main thread: children are started from it, and their
// parent-death signal is tied to the thread that started them.
func init() { runtime.LockOSThread() }

var commands = map[string]func(args []string) int{
	"etcd": func(args []string) int {
		etcdmain.Main(append([]string{"etcd"}, args...))
		return 0
	},
	"apiserver":          func([]string) int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"controller-manager": func([]string) int { return cli.Run(manager.NewControllerManagerCommand()) },
	"scheduler":          func([]string) int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kubelet":            func([]string) int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"proxy":              func([]string) int { return cli.Run(proxy.NewProxyCommand()) },
	"kubectl": func([]string) int {
		logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
		return 0
	},
	"up":    upMain,
	"init":  initMain,
	"image": imageMain,
	"exec":  execMain,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: kubernetes-testbed {up|image|exec|etcd|apiserver|controller-manager|scheduler|kubelet|proxy|kubectl} ...")
		os.Exit(2)
	}
	name, args := os.Args[1], os.Args[2:]
	os.Args = append([]string{"kube-" + name}, args...) // the components parse os.Args
	os.Exit(run(name, args))
}

// run turns what check threw into an error message and a status.
func run(name string, args []string) (code int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case failure:
			if !errors.Is(e.error, errStopped) {
				fmt.Fprintf(os.Stderr, "kubernetes-testbed %s: %v\n", name, e.error)
				code = 1
			}
		default:
			panic(e)
		}
	}()
	return commands[name](args)
}
