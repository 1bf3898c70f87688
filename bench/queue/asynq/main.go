// The no-op task in asynq: `asynq ADDRESS send COUNT`, `asynq ADDRESS work COUNT` (prints seconds from the first task to the
// last), `asynq ADDRESS pings COUNT` (one task at a time to an idle worker: prints each pick-up in microseconds).
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

func send(redis asynq.RedisClientOpt, count int) {
	client := asynq.NewClient(redis)
	defer client.Close()
	var senders sync.WaitGroup
	for part := 0; part < 16; part++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for i := part; i < count; i += 16 {
				if _, err := client.Enqueue(asynq.NewTask("noop", nil)); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	senders.Wait()
}

// Runs handler until it has been called count times.
func serve(redis asynq.RedisClientOpt, count int, handler func(*asynq.Task), produce func()) {
	server := asynq.NewServer(redis, asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	var done atomic.Int64
	ended := make(chan struct{})
	err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		handler(task)
		if done.Add(1) == int64(count) {
			close(ended)
		}
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	produce()
	<-ended
	defer server.Shutdown()
}

func work(redis asynq.RedisClientOpt, count int) {
	var started atomic.Int64
	serve(redis, count, func(*asynq.Task) { started.CompareAndSwap(0, time.Now().UnixNano()) }, func() {})
	fmt.Printf("%.6f\n", time.Since(time.Unix(0, started.Load())).Seconds())
}

func pings(redis asynq.RedisClientOpt, count int) {
	client := asynq.NewClient(redis)
	defer client.Close()
	pick := func(task *asynq.Task) {
		sent, _ := strconv.ParseInt(string(task.Payload()), 10, 64)
		fmt.Println(time.Now().UnixMicro() - sent)
	}
	serve(redis, count, pick, func() {
		time.Sleep(time.Second)
		for i := 0; i < count; i++ {
			time.Sleep(50*time.Millisecond + time.Duration(rand.Intn(100))*time.Millisecond)
			if _, err := client.Enqueue(asynq.NewTask("ping", []byte(strconv.FormatInt(time.Now().UnixMicro(), 10)))); err != nil {
				log.Fatal(err)
			}
		}
	})
}

func main() {
	redis := asynq.RedisClientOpt{Addr: os.Args[1]}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	map[string]func(asynq.RedisClientOpt, int){"send": send, "work": work, "pings": pings}[os.Args[2]](redis, count)
}
