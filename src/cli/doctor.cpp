#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fastio/context.hpp>
#include <fastio/service.hpp>
#include <fastio/version.hpp>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/json.hpp"
#include "cli/text.hpp"
#include "doctor/gpus.hpp"
#include "doctor/listening.hpp"
#include "doctor/machine.hpp"
#include "doctor/sharing.hpp"
#include "gpu/choose_devices.hpp"

namespace fastio::cli {
namespace {

using doctor::Finding;
using doctor::Verdict;
using Findings = std::vector<Finding>;

// A driver that starts takes seconds on a machine with many GPUs.
constexpr std::chrono::seconds kPeerLimit{60};

std::vector<std::string> devices_to_share(const std::vector<std::string>& asked, const doctor::CudaFacts& cuda) {
    if (!asked.empty()) {
        return asked;
    }
    std::vector<std::string> devices{"host"};
    for (const gpu::Gpu& gpu : cuda.gpus.found) {
        if (!gpu.exclusive) {  // which is a problem of its own
            devices.push_back(fmt::format("cuda:{}", gpu.ordinal));
        }
    }
    return devices;
}

void examine_sharing(Findings& findings, const std::vector<std::string>& devices) {
    const doctor::PeerProgram self{std::filesystem::read_symlink("/proc/self/exe"), {"doctor", "--answer-on"}};
    for (const std::string& device : devices) {
        try {
            const gpu::ChosenDevices chosen = gpu::choose_devices(std::span(&device, 1));
            findings.push_back(doctor::share(*chosen.memories.front(), self, kPeerLimit));
        } catch (const Error& error) {
            findings.push_back({"sharing " + device, Verdict::problem, error.what(), {}});
        }
    }
}

/// Of a job of its own.
Context join(const Service& service) {
    ContextOptions joining;
    joining.job = fmt::format("fastio-doctor-{}", ::getpid());
    joining.socket = service.socket();
    return Context(joining);
}

/// Creates, publishes, gets and compares.
void use(Context& producer, Context& consumer) {
    const std::string text = "fastio doctor was here";
    Allocation made = producer.create(text.size());
    made.copy_from(text.data(), text.size());
    made.publish("note");
    const Allocation got = consumer.get("note");
    std::string read(text.size(), ' ');
    got.copy_to(read.data(), read.size());
    if (read != text) {
        fail(Errc::corrupt_input, "what was published on {} reads differently: '{}'", got.device(), read);
    }
}

Finding examine_service(const std::string& socket, std::uint64_t pid_namespace) {
    Finding finding{"service", Verdict::good, {}, {}};
    try {
        Service service(socket);
        finding.found =
            fmt::format("fastiod {} with process id {} at {}", service.version(), service.pid(), service.socket());
        const bool is_elsewhere = service.pid_namespace() != pid_namespace;
        if (is_elsewhere) {
            finding.verdict = Verdict::warning;
            finding.found += fmt::format(" in another PID namespace (inode {}, and {} here)", service.pid_namespace(),
                                         pid_namespace);
        }
        Context producer = join(service);
        Context consumer = join(service);
        if (is_elsewhere && producer.device() != "host") {
            finding.verdict = Verdict::problem;
        }
        use(producer, consumer);
        finding.found += fmt::format(" created, published and gave memory on {}", producer.device());
        if (finding.verdict == Verdict::problem) {
            finding.found += ", which cannot be relied on between PID namespaces";
        }
        if (is_elsewhere) {
            finding.remedy =
                "host memory is shared all the same, from Linux 6.5 on; for a GPU's start both in one PID namespace: "
                "docker --pid=host or --pid=container:NAME, Kubernetes hostPID or shareProcessNamespace";
        }
    } catch (const Error& error) {
        finding.found = (finding.found.empty() ? "" : finding.found + ": ") + error.what();
        if (error.code() != Errc::service_unreachable) {
            finding.verdict = Verdict::problem;
        } else if (doctor::somebody_listens(socket)) {
            finding.verdict = Verdict::problem;
            finding.remedy = "if it is stopped (/proc/PID/status says so), let it go on: kill -CONT PID";
        } else if (!socket.empty()) {
            finding.verdict = Verdict::problem;
            finding.remedy = "start fastiod with this --socket";
        } else if (!or_environment({}, "FASTIO_SOCKET").empty()) {
            finding.verdict = Verdict::problem;
            finding.remedy =
                "$FASTIO_SOCKET says that there is one: start fastiod there, or unset it; `fastio run` then starts a "
                "service of its own";
        } else {
            finding.remedy = "none is needed for `fastio run`, which starts its own";
        }
    }
    return finding;
}

Verdict worst(const Findings& findings) {
    Verdict verdict = Verdict::good;
    for (const Finding& finding : findings) {
        verdict = std::max(verdict, finding.verdict);
    }
    return verdict;
}

Json json_of(const Findings& findings, const doctor::CudaFacts& cuda) {
    Json json{{"fastio", FASTIO_VERSION_STRING},
              {"library", cuda.substitute.empty() ? "cudart" : cuda.substitute},
              {"cuda_driver", cuda.versions.driver},
              {"cuda_runtime", cuda.versions.runtime},
              {"verdict", doctor::to_string(worst(findings))},
              {"findings", Json::array()}};
    for (const Finding& finding : findings) {
        json["findings"].push_back({{"subject", finding.subject},
                                    {"verdict", doctor::to_string(finding.verdict)},
                                    {"found", finding.found},
                                    {"remedy", finding.remedy}});
    }
    return json;
}

std::string table_of(const Findings& findings) {
    TextTable table({{"subject"}, {"verdict"}, {"found"}});
    for (const Finding& finding : findings) {
        table.add({finding.subject, doctor::to_string(finding.verdict), printable(finding.found)});
        if (!finding.remedy.empty()) {
            table.add({"", "", "-> " + printable(finding.remedy)});
        }
    }
    return table.str();
}

}  // namespace

void examine(const DoctorOptions& options, std::ostream& out) {
    if (options.answer_on >= 0) {
        if (doctor::answer_share(options.answer_on) != 0) {
            fail(Errc::invalid_argument, "--answer-on is for fastio doctor's own use");
        }
        return;
    }
    const doctor::CudaFacts cuda = doctor::find_cuda();
    doctor::Machine machine = doctor::this_machine();
    machine.has_gpus = !cuda.gpus.found.empty();
    Findings findings = doctor::judge(machine);
    std::ranges::move(doctor::judge(cuda), std::back_inserter(findings));
    examine_sharing(findings, devices_to_share(options.devices, cuda));
    findings.push_back(examine_service(options.common.socket, machine.pid_namespace));
    out << (options.json ? dump(json_of(findings, cuda), 2) + "\n" : table_of(findings));
    const auto problems = std::ranges::count(findings, Verdict::problem, &Finding::verdict);
    if (problems != 0) {
        fail(Errc::unsupported, "doctor: {} of {} findings {}", problems, findings.size(),
             problems == 1 ? "is a problem" : "are problems");
    }
}

}  // namespace fastio::cli
